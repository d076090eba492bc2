import type { Defects } from '../plants/defect.ts'
import { allocationDefects } from './allocation.ts'
import { chainDefects } from './chains.ts'
import { headerDefects } from './io-headers.ts'
import { mappingDefects } from './mapping.ts'
import { partialDefects } from './partial.ts'

export const mdlDefects: Defects = {
  ...headerDefects,
  ...chainDefects,
  ...allocationDefects,
  ...mappingDefects,
  ...partialDefects,
}
