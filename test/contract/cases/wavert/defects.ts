import type { Defects } from '../plants/defect.ts'
import { allocationDefects } from './allocation.ts'
import { answerDefects } from './answers.ts'
import { bufferDefects } from './buffers.ts'
import { layoutDefects } from './layout.ts'
import { motionDefects } from './motion.ts'
import { notificationDefects } from './notifications.ts'
import { portDefects } from './port.ts'
import { registerDefects } from './registers.ts'

export const waveRtDefects: Defects = {
  ...layoutDefects,
  ...bufferDefects,
  ...portDefects,
  ...answerDefects,
  ...allocationDefects,
  ...motionDefects,
  ...registerDefects,
  ...notificationDefects,
}
