import { type BusAddress, va } from '../../../base/address.ts'
import { runAll } from '../../../base/disposal.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { unmapWhole } from '../../../device/unmap-whole.ts'
import { KIRQL, MdlFlags, type Out } from '../../constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlByteOffset, describesLockedPages } from '../../mm/mdl.ts'
import { type AdapterState, enter } from '../state.ts'
import { highestReached, outOfReach, remaps } from '../transfer/bounce.ts'
import { violate } from '../violation.ts'
import { ANYWHERE, mapped } from './common-buffers.ts'

/**
 * CreateCommonBufferFromMdl: FreeCommonBuffer ends it, and the MDL stays the caller's (DMA-054).
 * @param configurations extended ones, of which none is supported
 * @throws BugCheck 0xE6/0x22 for an MDL without a system mapping (VER-007), while DMA is verified; else that is
 *   STATUS_INVALID_PARAMETER, too
 */
export function createCommonBufferFromMdl(
  state: AdapterState,
  mdl: Mdl,
  configurations: number,
  logical: Out<BusAddress>,
): NtStatus {
  const routine = 'CreateCommonBufferFromMdl'
  const { kernel, mm, platform, commonBuffers } = state
  enter(state, { routine, since: 3, rule: 'DMA-054', highest: KIRQL.PASSIVE_LEVEL })
  if (configurations > 0) return NtStatus.STATUS_NOT_SUPPORTED
  const frames = mm.framesOf(routine, mdl)
  if (!isWhole(mdl) || !describesLockedPages(mdl) || !isReached(state, frames)) return NtStatus.STATUS_INVALID_PARAMETER
  if ((mdl.MdlFlags & (MdlFlags.MDL_MAPPED_TO_SYSTEM_VA | MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL)) === 0) {
    if (!platform.verification) return NtStatus.STATUS_INVALID_PARAMETER
    const text = 'the MDL is not mapped in system space'
    violate(kernel, { rule: 'VER-007', routine, text, parameters: [0x22, mdl.address] })
  }
  const mapping = mapped(state, frames, ANYWHERE)
  if (mapping === undefined) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  const address = va(mdl.header.get('MappedSystemVa'))
  const { bus } = mapping.segments.at(0)
  mm.countList(mdl, 1)
  const release = (): void => runAll([() => unmapWhole(mapping), () => mm.countList(mdl, -1)])
  const length = MmGetMdlByteCount(mdl)
  commonBuffers.add({ address, length, logical: bus, cacheEnabled: undefined, guards: undefined, release })
  logical.value = bus
  return NtStatus.STATUS_SUCCESS
}

/** Whole pages of one MDL. */
const isWhole = (mdl: Mdl): boolean =>
  mdl.header.get('Next') === 0n &&
  MmGetMdlByteOffset(mdl) === 0 &&
  MmGetMdlByteCount(mdl) > 0 &&
  MmGetMdlByteCount(mdl) % PAGE_SIZE === 0

/** Anything is, where it is remapped; otherwise adjacent frames that the device reaches. */
function isReached(state: AdapterState, frames: Uint32Array): boolean {
  if (remaps(state)) return true
  const store = state.kernel.frames
  const adjacent = frames.every((frame, at) => at === 0 || store.pfn(frame) === store.pfn(frames[at - 1] ?? 0) + 1)
  return adjacent && outOfReach(store, frames, highestReached(state)).length === 0
}
