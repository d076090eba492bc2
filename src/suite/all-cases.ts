import type { Case } from './case.ts'
import { dmaSuite } from './cases/dma/suite.ts'
import { dxmSuite } from './cases/dxm.ts'
import { ksmSuite } from './cases/ksm.ts'
import { mdlSuite } from './cases/mdl/suite.ts'
import { wrtSuite } from './cases/wrt.ts'

/** Every case that Probar has, in the order in which a run takes them. */
export const allCases: readonly Case[] = [...mdlSuite, ...dmaSuite, ...ksmSuite, ...wrtSuite, ...dxmSuite]
