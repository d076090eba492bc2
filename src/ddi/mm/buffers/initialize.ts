import type { Va } from '../../../base/address.ts'
import { KIRQL } from '../../constants.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES, type Mdl, MmInitializeMdl } from '../mdl.ts'
import { describesPages, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'

const routine = 'MmInitializeMdl'

const MOST_BYTES = 0xffff_ffff

/**
 * MmInitializeMdl over memory of the caller's own (MDL-008). From then on the MDL is known, until ExFreePool, which is why
 * the memory has to be a pool block of this session by itself.
 * @throws CallerError with other memory, or too little for the array (MDL-007), for a length
 *   that ByteCount cannot hold (MDL-006), or while the MDL describes pages
 */
export function initializeMdl({ kernel, mdls }: MmState, mdl: Mdl, base: Va, length: number): void {
  kernel.requireIrql(routine, 'MDL-031', KIRQL.DISPATCH_LEVEL)
  if (!Number.isInteger(length) || length < 0 || length > MOST_BYTES) {
    kernel.ledger.raise({ rule: 'MDL-006', routine, text: `ByteCount cannot hold a length of ${length}` })
  }
  if (!kernel.pool.holds(mdl.address) || (mdls.at(mdl.address) ?? mdl) !== mdl) {
    kernel.ledger.raise({
      rule: 'MDL-007',
      routine,
      text: 'the memory is no block of nonpaged pool for this MDL alone',
    })
  }
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
