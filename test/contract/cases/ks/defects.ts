import type { Defects } from '../plants/defect.ts'
import { tableDefects } from './tables.ts'

export const ksDefects: Defects = { ...tableDefects }
