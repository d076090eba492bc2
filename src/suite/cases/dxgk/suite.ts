import { defineSuite } from '../../case.ts'
import { mappingCases } from './mapping.ts'

export const dxgkSuite = defineSuite('dxgk', [...mappingCases])
