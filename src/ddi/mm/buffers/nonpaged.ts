import { va } from '../../../base/address.ts'
import { KIRQL, MdlFlags } from '../../constants.ts'
import type { Translation } from '../../kernel/translation.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES, type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../mdl.ts'
import { type MdlShadow, describesPages, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'
import { notePfns } from './pfns.ts'

const routine = 'MmBuildMdlForNonPagedPool'

/** MDL-042 */
const FORBIDDEN =
  MdlFlags.MDL_PAGES_LOCKED |
  MdlFlags.MDL_MAPPED_TO_SYSTEM_VA |
  MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL |
  MdlFlags.MDL_PARTIAL

/** MmBuildMdlForNonPagedPool: fills the array; nothing is locked, and nothing mapped (MDL-040, MDL-041). */
export function buildForNonPagedPool(state: MmState, mdl: Mdl): void {
  const { kernel } = state
  kernel.requireIrql(routine, 'MDL-031', KIRQL.DISPATCH_LEVEL)
  const shadow = state.mdls.check(routine, mdl)
  checkFlags(state, shadow)
  const address = MmGetMdlVirtualAddress(mdl)
  const pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, MmGetMdlByteCount(mdl))
  const found = kernel.translate(address, pages)
  checkNonPaged(state, found, pages)
  notePfns(kernel, mdl, found.frames)
  shadow.frames = found.frames
  mdl.header.set('Process', va(0n))
  mdl.header.set('MappedSystemVa', address)
  mdl.MdlFlags |= MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL
  seal(shadow)
}

function checkFlags({ kernel }: MmState, shadow: MdlShadow): void {
  const { mdl } = shadow
  if (MmGetMdlByteCount(mdl) === 0) {
    kernel.ledger.raise({ rule: 'MDL-042', routine, text: 'the MDL describes no byte' })
  }
  if ((mdl.MdlFlags & FORBIDDEN) === 0 && !describesPages(shadow)) return
  kernel.ledger.raise({ rule: 'MDL-042', routine, text: 'the MDL describes pages already' })
}

/**
 * Paged pool is bug check 0xC4/0x7F (VER-011); user memory, which may be traded as well, 0xC4/0x140 (VER-012).
 */
function checkNonPaged({ kernel }: MmState, { kind, frames, memory }: Translation, pages: number): void {
  if (kind === 'memory' && memory === 'paged-pool') {
    const bugCheck = { code: 0xc4, parameter: 0x7f }
    kernel.ledger.raise({ rule: 'VER-011', routine, text: 'the buffer is from paged pool', bugCheck })
  }
  if (kind === 'memory' && memory === 'user') {
    const bugCheck = { code: 0xc4, parameter: 0x140 }
    kernel.ledger.raise({ rule: 'VER-012', routine, text: 'the buffer is pageable memory of a process', bugCheck })
  }
  if (kind !== 'memory' || frames.length < pages) {
    kernel.ledger.raise({ rule: 'MDL-040', routine, text: 'the buffer is no nonpaged memory from end to end' })
  }
}
