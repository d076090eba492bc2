import { defineSuite } from '../../case.ts'
import { adapterCases } from './adapter.ts'
import { bounceCases } from './bounce.ts'
import { buildingCases } from './building.ts'
import { commonBufferCases } from './common-buffers.ts'
import { exhaustionCases } from './exhaustion.ts'
import { listCases } from './lists.ts'
import { misuseCases } from './misuse.ts'
import { packetCases } from './packet.ts'
import { revocationCases } from './revocation.ts'

export const dmaSuite = defineSuite('dma', [
  ...adapterCases,
  ...listCases,
  ...buildingCases,
  ...packetCases,
  ...commonBufferCases,
  ...bounceCases,
  ...revocationCases,
  ...misuseCases,
  ...exhaustionCases,
])
