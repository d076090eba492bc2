import { CapturePin } from '../../../miniport/capture/capture-pin.ts'
import { defineSuite } from '../../case.ts'
import { cancellationCases } from './cancellation.ts'
import { captureCases } from './capture.ts'
import { endingCases } from './ending.ts'
import { layoutCases } from './layout.ts'
import { offsetCases } from './offsets.ts'
import { referenceCases } from './references.ts'
import { registrationCases } from './registration.ts'
import { streamingCases } from './streaming.ts'
import { tableCases } from './tables.ts'

export const ksSuite = defineSuite('ks', [
  ...layoutCases,
  ...registrationCases,
  ...tableCases,
  ...offsetCases,
  ...referenceCases,
  ...cancellationCases,
  ...streamingCases,
  ...captureCases((parts) => CapturePin.open(parts)),
  ...endingCases,
])
