import { defineSuite } from '../../case.ts'
import { advanceCases } from './headers/advance.ts'
import { allocationCases } from './pages/allocation.ts'
import { chainCases } from './headers/chains.ts'
import { chunkCases } from './pages/chunks.ts'
import { devicePageCases } from './pages/device-pages.ts'
import { headerCases } from './headers/io-headers.ts'
import { ioMapCases } from './views/io-maps.ts'
import { layoutCases } from './headers/layout.ts'
import { lockingCases } from './locks/locking.ts'
import { lowResourcesCases } from './locks/low-resources.ts'
import { ioSpaceCases } from './views/io-space.ts'
import { mappingCases } from './views/mapping.ts'
import { nonpagedCases } from './locks/nonpaged.ts'
import { partialCases } from './headers/partial.ts'
import { tamperingCases } from './headers/tampering.ts'
import { userCases } from './locks/users.ts'
import { protectionCases } from './views/protection.ts'

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
