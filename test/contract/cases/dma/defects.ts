import type { Defects } from '../plants/defect.ts'
import { listDefects } from './lists.ts'

export const dmaDefects: Defects = { ...listDefects }
