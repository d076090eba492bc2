import { defineSuite } from '../../case.ts'
import { allocationCases } from './allocation.ts'
import { mappingCases } from './mapping.ts'

export const mdlSuite = defineSuite('mdl', [...allocationCases, ...mappingCases])
