import { defineSuite } from '../../case.ts'
import { listCases } from './lists.ts'
import { revocationCases } from './revocation.ts'

export const dmaSuite = defineSuite('dma', [...listCases, ...revocationCases])
