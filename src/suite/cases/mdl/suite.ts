import { defineSuite } from '../../case.ts'
import { advanceCases } from './advance.ts'
import { allocationCases } from './allocation.ts'
import { chainCases } from './chains.ts'
import { chunkCases } from './chunks.ts'
import { devicePageCases } from './device-pages.ts'
import { headerCases } from './io-headers.ts'
import { ioMapCases } from './io-maps.ts'
import { layoutCases } from './layout.ts'
import { lockingCases } from './locking.ts'
import { lowResourcesCases } from './low-resources.ts'
import { ioSpaceCases } from './io-space.ts'
import { mappingCases } from './mapping.ts'
import { nonpagedCases } from './nonpaged.ts'
import { partialCases } from './partial.ts'
import { tamperingCases } from './tampering.ts'
import { userCases } from './users.ts'
import { protectionCases } from './protection.ts'

export const mdlSuite = defineSuite('mdl', [
  ...layoutCases,
  ...headerCases,
  ...chainCases,
  ...allocationCases,
  ...chunkCases,
  ...devicePageCases,
  ...lockingCases,
  ...nonpagedCases,
  ...mappingCases,
  ...partialCases,
  ...protectionCases,
  ...advanceCases,
  ...tamperingCases,
  ...ioSpaceCases,
  ...ioMapCases,
  ...userCases,
  ...lowResourcesCases,
])
