import type { Defects } from './plants/defect.ts'
import { dmaDefects } from './dma/defects.ts'
import { dxmDefects } from './dxm.ts'
import { ksmDefects } from './ksm.ts'
import { mdlDefects } from './mdl/defects.ts'
import { wrtDefects } from './wrt.ts'

/** For every case the defects that it has to notice, each planted below it. */
export const defects: Defects = {
  ...mdlDefects,
  ...dmaDefects,
  ...ksmDefects,
  ...wrtDefects,
  ...dxmDefects,
}
