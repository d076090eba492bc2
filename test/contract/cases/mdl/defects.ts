import type { Defects } from '../plants/defect.ts'
import { allocationDefects } from './allocation.ts'
import { mappingDefects } from './mapping.ts'

export const mdlDefects: Defects = { ...allocationDefects, ...mappingDefects }
