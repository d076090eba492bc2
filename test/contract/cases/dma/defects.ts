import type { Defects } from '../plants/defect.ts'
import { adapterDefects } from './adapter.ts'
import { bounceDefects } from './bounce.ts'
import { buildingDefects } from './building.ts'
import { commonBufferDefects } from './common-buffers.ts'
import { exhaustionDefects } from './exhaustion.ts'
import { listDefects } from './lists.ts'
import { misuseDefects } from './misuse.ts'
import { packetDefects } from './packet.ts'

export const dmaDefects: Defects = {
  ...adapterDefects,
  ...listDefects,
  ...buildingDefects,
  ...packetDefects,
  ...commonBufferDefects,
  ...bounceDefects,
  ...misuseDefects,
  ...exhaustionDefects,
}
