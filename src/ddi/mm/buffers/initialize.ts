import type { Va } from '../../../base/address.ts'
import { KIRQL } from '../../constants.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES, type Mdl, MmInitializeMdl } from '../mdl.ts'
import { describesPages, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'

const routine = 'MmInitializeMdl'

/**
 * MmInitializeMdl over memory of the caller's own (MDL-008). From then on the MDL is known, until ExFreePool.
 * @throws CallerError with too little memory for the array (MDL-007), or while the MDL describes pages
 */
export function initializeMdl({ kernel, mdls }: MmState, mdl: Mdl, base: Va, length: number): void {
  kernel.requireIrql(routine, 'MDL-031', KIRQL.DISPATCH_LEVEL)
  if (mdl.capacity < ADDRESS_AND_SIZE_TO_SPAN_PAGES(base, length)) {
    kernel.ledger.raise({ rule: 'MDL-007', routine, text: `there is room for ${mdl.capacity} page numbers only` })
  }
  const shadow = mdls.find(mdl)
  if (shadow !== undefined && describesPages(shadow)) {
    kernel.ledger.raise({ rule: 'MDL-008', routine, text: 'the MDL describes pages, which would be lost' })
  }
  MmInitializeMdl(mdl, base, length)
  if (shadow === undefined) mdls.add(mdl, 'caller')
  else seal(shadow)
}
