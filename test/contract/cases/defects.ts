import type { Defects } from './plants/defect.ts'
import { dmaDefects } from './dma/defects.ts'
import { dxgkDefects } from './dxgk/defects.ts'
import { ksDefects } from './ks/defects.ts'
import { mdlDefects } from './mdl/defects.ts'
import { waveRtDefects } from './wavert/defects.ts'

/** For every case the defects that it has to notice, each planted below it. */
export const defects: Defects = {
  ...mdlDefects,
  ...dmaDefects,
  ...ksDefects,
  ...waveRtDefects,
  ...dxgkDefects,
}
