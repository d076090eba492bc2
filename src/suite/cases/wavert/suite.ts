import { type Case, defineSuite } from '../../case.ts'
import { type MiniportOf, referenceMiniport } from '../parts/pins.ts'
import { allocationCases } from './allocation.ts'
import { answerCases } from './answers.ts'
import { bufferCases } from './buffers.ts'
import { layoutCases } from './layout.ts'
import { motionCases } from './motion.ts'
import { notificationCases } from './notifications.ts'
import { pagesByDeviceCases } from './pages-by-device.ts'
import { portCases } from './port.ts'
import { registerCases } from './registers.ts'

/** The cases that put a miniport's streams under test: Probar's own, or anybody's. */
export const waveRtStreamCases = (miniport: MiniportOf): readonly Case[] => [
  ...allocationCases(miniport),
  ...motionCases(miniport),
  ...registerCases(miniport),
  ...notificationCases(miniport),
]

export const waveRtSuite = defineSuite('wavert', [
  ...layoutCases,
  ...bufferCases,
  ...portCases,
  ...pagesByDeviceCases,
  ...answerCases,
  ...waveRtStreamCases(referenceMiniport),
])
