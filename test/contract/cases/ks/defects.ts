import type { Defects } from '../plants/defect.ts'
import { cancellationDefects } from './cancellation.ts'
import { captureDefects } from './capture.ts'
import { layoutDefects } from './layout.ts'
import { offsetDefects } from './offsets.ts'
import { referenceDefects } from './references.ts'
import { registrationDefects } from './registration.ts'
import { streamingDefects } from './streaming.ts'
import { tableDefects } from './tables.ts'

export const ksDefects: Defects = {
  ...layoutDefects,
  ...registrationDefects,
  ...tableDefects,
  ...offsetDefects,
  ...referenceDefects,
  ...cancellationDefects,
  ...streamingDefects,
  ...captureDefects,
}
