import { defineSuite } from '../case.ts'
import { allocationCases } from './mdl-allocation.ts'
import { mappingCases } from './mdl-mapping.ts'

export const mdlSuite = defineSuite('mdl', [...allocationCases, ...mappingCases])
