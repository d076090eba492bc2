import { va } from '../../../base/address.ts'
import { ProbarError } from '../../../base/errors.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL, MdlFlags, type Out } from '../../constants.ts'
import { type IoRange, firstPfn } from './ranges.ts'
import { Mdl, MmInitializeMdl, MmSizeOfMdl } from '../mdl.ts'
import type { PhysicalAddressList } from './physical-address-list.ts'
import type { MmState } from '../state.ts'

const NULL = va(0n)
const MOST_BYTES = 0xffff_ffffn
const PAGE = BigInt(PAGE_SIZE)

/** MmAllocateMdlForIoSpace (MDL-132 to MDL-134). */
export function allocateMdlForIoSpace(
  state: MmState,
  list: PhysicalAddressList,
  count: number,
  out: Out<Mdl>,
): NtStatus {
  const routine = 'MmAllocateMdlForIoSpace'
  const { kernel } = state
  kernel.requireIrql(routine, 'MDL-132', KIRQL.DISPATCH_LEVEL)
  if (!Number.isInteger(count) || count < 1 || count > list.capacity) {
    kernel.ledger.raise({ rule: 'MDL-132', routine, text: `the list has ${list.capacity} entries, and not ${count}` })
  }
  const asked = Array.from({ length: count }, (_, i) => entryOf(list, i))
  if (asked.some((entry) => !isSound(state, entry))) return NtStatus.STATUS_INVALID_PARAMETER_1
  if (asked.reduce((sum, { bytes }) => sum + bytes, 0n) > MOST_BYTES) return NtStatus.STATUS_INVALID_PARAMETER_1
  const ranges = asked.flatMap((entry) => rangeOf(state, entry) ?? [])
  if (ranges.length < count) return NtStatus.STATUS_NOT_SUPPORTED
  if (kernel.lowResources.strikes(routine)) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  const mdl = newMdl(state, ranges)
  if (mdl === undefined) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  out.value = mdl
  return NtStatus.STATUS_SUCCESS
}

/** Bytes [start, start + bytes) of physical space. */
interface Entry {
  readonly start: bigint
  readonly bytes: bigint
}

function entryOf(list: PhysicalAddressList, index: number): Entry {
  const entry = list.entry(index)
  return { start: entry.get('PhysicalAddress'), bytes: entry.get('NumberOfBytes') }
}

/** MDL-132: whole pages, at least one, none of them RAM. */
function isSound({ kernel }: MmState, { start, bytes }: Entry): boolean {
  if (start % PAGE !== 0n || bytes % PAGE !== 0n || bytes === 0n) return false
  const first = start >> BigInt(PAGE_SHIFT)
  const end = first + (bytes >> BigInt(PAGE_SHIFT))
  return kernel.frames.banks.every(({ firstPfn: low, count }) => end <= BigInt(low) || first >= BigInt(low + count))
}

/** Where in a BAR the pages lie; undefined when they are not inside one that can be mapped. */
function rangeOf({ regions }: MmState, { start, bytes }: Entry): IoRange | undefined {
  const region = regions.find(
    (bar) =>
      bar.kind === 'memory' && bar.mappable && bar.start <= start && start + bytes <= bar.start + BigInt(bar.size),
  )
  if (region === undefined) return undefined
  return { region, offset: Number(start - region.start), pages: Number(bytes / PAGE) }
}

/** Unmapped, with the numbers of the pages in the order of the ranges; no lock was taken, and none has to be. */
function newMdl({ kernel, mdls }: MmState, ranges: readonly IoRange[]): Mdl | undefined {
  const pages = ranges.reduce((sum, range) => sum + range.pages, 0)
  const block = kernel.pool.allocate(MmSizeOfMdl(NULL, pages * PAGE_SIZE))
  if (block === undefined) {
    kernel.shortages.note(new ProbarError('out-of-memory', `the pool has no room for an MDL of ${pages} pages`))
    return undefined
  }
  const mdl = new Mdl(block)
  MmInitializeMdl(mdl, NULL, pages * PAGE_SIZE)
  let slot = 0
  for (const range of ranges) {
    const first = firstPfn(range)
    for (let page = 0; page < range.pages; page++) mdl.slots()[slot++] = BigInt(first + page)
  }
  mdl.MdlFlags |= MdlFlags.MDL_IO_SPACE | MdlFlags.MDL_PAGES_LOCKED
  mdls.add(mdl, 'io-space', { ranges })
  return mdl
}
