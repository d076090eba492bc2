import { defineSuite } from '../../case.ts'
import { allocationCases } from './allocation.ts'
import { chainCases } from './chains.ts'
import { headerCases } from './io-headers.ts'
import { layoutCases } from './layout.ts'
import { lockingCases } from './locking.ts'
import { lowResourcesCases } from './low-resources.ts'
import { mappingCases } from './mapping.ts'
import { nonpagedCases } from './nonpaged.ts'
import { partialCases } from './partial.ts'
import { userCases } from './users.ts'

export const mdlSuite = defineSuite('mdl', [
  ...layoutCases,
  ...headerCases,
  ...chainCases,
  ...allocationCases,
  ...lockingCases,
  ...nonpagedCases,
  ...mappingCases,
  ...partialCases,
  ...userCases,
  ...lowResourcesCases,
])
