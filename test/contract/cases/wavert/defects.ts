import type { Defects } from '../plants/defect.ts'
import { answerDefects } from './answers.ts'
import { bufferDefects } from './buffers.ts'
import { layoutDefects } from './layout.ts'
import { portDefects } from './port.ts'

export const waveRtDefects: Defects = { ...layoutDefects, ...bufferDefects, ...portDefects, ...answerDefects }
