import type { Defects } from '../plants/defect.ts'
import { mappingDefects } from './mapping.ts'

export const dxgkDefects: Defects = { ...mappingDefects }
