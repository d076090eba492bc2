import type { Defects } from '../plants/defect.ts'
import { advanceDefects } from './headers/advance.ts'
import { allocationDefects } from './pages/allocation.ts'
import { chainDefects } from './headers/chains.ts'
import { chunkDefects } from './pages/chunks.ts'
import { devicePageDefects } from './pages/device-pages.ts'
import { headerDefects } from './headers/io-headers.ts'
import { ioMapDefects } from './views/io-maps.ts'
import { layoutDefects } from './headers/layout.ts'
import { lockingDefects } from './locks/locking.ts'
import { lowResourcesDefects } from './locks/low-resources.ts'
import { ioSpaceDefects } from './views/io-space.ts'
import { mappingDefects } from './views/mapping.ts'
import { nonpagedDefects } from './locks/nonpaged.ts'
import { partialDefects } from './headers/partial.ts'
import { tamperingDefects } from './headers/tampering.ts'
import { userDefects } from './locks/users.ts'
import { protectionDefects } from './views/protection.ts'

export const mdlDefects: Defects = {
  ...layoutDefects,
  ...headerDefects,
  ...chainDefects,
  ...allocationDefects,
  ...devicePageDefects,
  ...lockingDefects,
  ...nonpagedDefects,
  ...mappingDefects,
  ...partialDefects,
  ...ioMapDefects,
  ...userDefects,
  ...lowResourcesDefects,
  ...chunkDefects,
  ...protectionDefects,
  ...advanceDefects,
  ...tamperingDefects,
  ...ioSpaceDefects,
}
