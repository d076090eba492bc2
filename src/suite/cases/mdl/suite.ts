import { defineSuite } from '../../case.ts'
import { allocationCases } from './allocation.ts'
import { chainCases } from './chains.ts'
import { headerCases } from './io-headers.ts'
import { mappingCases } from './mapping.ts'
import { partialCases } from './partial.ts'

export const mdlSuite = defineSuite('mdl', [
  ...headerCases,
  ...chainCases,
  ...allocationCases,
  ...mappingCases,
  ...partialCases,
])
