import { defineSuite } from '../../case.ts'
import { answerCases } from './answers.ts'
import { bufferCases } from './buffers.ts'
import { layoutCases } from './layout.ts'
import { pagesByDeviceCases } from './pages-by-device.ts'
import { portCases } from './port.ts'

export const waveRtSuite = defineSuite('wavert', [
  ...layoutCases,
  ...bufferCases,
  ...portCases,
  ...pagesByDeviceCases,
  ...answerCases,
])
