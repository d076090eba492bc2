import type { Defects } from './defect.ts'
import { dmaDefects } from './dma.ts'
import { dxmDefects } from './dxm.ts'
import { ksmDefects } from './ksm.ts'
import { mappingDefects } from './mdl-mapping.ts'
import { mdlDefects } from './mdl.ts'
import { wrtDefects } from './wrt.ts'

/** For every case the defects that it has to notice, each planted below it. */
export const defects: Defects = {
  ...mdlDefects,
  ...mappingDefects,
  ...dmaDefects,
  ...ksmDefects,
  ...wrtDefects,
  ...dxmDefects,
}
