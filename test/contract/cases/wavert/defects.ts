import type { Defects } from '../plants/defect.ts'
import { bufferDefects } from './buffers.ts'

export const waveRtDefects: Defects = { ...bufferDefects }
