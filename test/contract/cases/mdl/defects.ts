import type { Defects } from '../plants/defect.ts'
import { advanceDefects } from './advance.ts'
import { allocationDefects } from './allocation.ts'
import { chainDefects } from './chains.ts'
import { chunkDefects } from './chunks.ts'
import { devicePageDefects } from './device-pages.ts'
import { headerDefects } from './io-headers.ts'
import { ioMapDefects } from './io-maps.ts'
import { layoutDefects } from './layout.ts'
import { lockingDefects } from './locking.ts'
import { lowResourcesDefects } from './low-resources.ts'
import { ioSpaceDefects } from './io-space.ts'
import { mappingDefects } from './mapping.ts'
import { nonpagedDefects } from './nonpaged.ts'
import { partialDefects } from './partial.ts'
import { tamperingDefects } from './tampering.ts'
import { userDefects } from './users.ts'
import { protectionDefects } from './protection.ts'

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
