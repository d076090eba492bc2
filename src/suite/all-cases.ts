import type { Case } from './case.ts'
import { dmaSuite } from './cases/dma/suite.ts'
import { dxgkSuite } from './cases/dxgk/suite.ts'
import { ksSuite } from './cases/ks/suite.ts'
import { mdlSuite } from './cases/mdl/suite.ts'
import { waveRtSuite } from './cases/wavert/suite.ts'

/** Every case that Probar has, in the order in which a run takes them. */
export const allCases: readonly Case[] = [...mdlSuite, ...dmaSuite, ...ksSuite, ...waveRtSuite, ...dxgkSuite]
