import { defineSuite } from '../../case.ts'
import { bufferCases } from './buffers.ts'

export const waveRtSuite = defineSuite('wavert', [...bufferCases])
