import { defineSuite } from '../case.ts'
import { listCases } from './dma-lists.ts'
import { revocationCases } from './dma-revocation.ts'

export const dmaSuite = defineSuite('dma', [...listCases, ...revocationCases])
