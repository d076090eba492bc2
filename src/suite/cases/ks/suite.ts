import { defineSuite } from '../../case.ts'
import { tableCases } from './tables.ts'

export const ksSuite = defineSuite('ks', [...tableCases])
