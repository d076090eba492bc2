import type { Va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL, type Out } from '../../constants.ts'
import type { Struct } from '../../layout/struct.ts'
import type { DMA_ADAPTER_INFO, DMA_TRANSFER_INFO } from '../../layout/x64.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES, type Mdl, MmGetMdlVirtualAddress } from '../../mm/mdl.ts'
import { type AdapterState, enter } from '../state.ts'
import { highestReached, outOfReach } from '../transfer/bounce.ts'
import { type BufferRange, rangeOf } from '../transfer/buffer-range.ts'
import { listSize } from './list-bytes.ts'

/** What a list of a range needs at most. */
export interface Requirements {
  readonly elements: number
  /** One a page. */
  readonly mapRegisters: number
  /** Bytes. */
  readonly listSize: number
}

/** What the list of these frames needs, wherever the domain puts them. */
export function requirementsOf(state: AdapterState, range: BufferRange): Requirements {
  const elements = state.scatterGather ? elementsAtMost(state, range) : 1
  return { elements, mapRegisters: range.frames.length, listSize: listSize(elements) }
}

/** The worst case for a range of which no frames are known: every page on its own (DMA-027). */
function worstCase({ platform, scatterGather }: AdapterState, pages: number): Requirements {
  const elements = scatterGather ? pages * Math.ceil(PAGE_SIZE / platform.longestElement) : 1
  return { elements, mapRegisters: pages, listSize: listSize(elements) }
}

/** CalculateScatterGatherList. */
export function calculateScatterGatherList(
  state: AdapterState,
  mdl: Mdl | null,
  currentVa: Va,
  length: number,
  size: Out<number>,
  mapRegisters: Out<number> | null,
): NtStatus {
  const routine = 'CalculateScatterGatherList'
  enter(state, { routine, since: 2, rule: 'DMA-027', highest: KIRQL.HIGH_LEVEL })
  const needed = mdl === null ? worstCase(state, ADDRESS_AND_SIZE_TO_SPAN_PAGES(currentVa, length)) : ofMdl(mdl)
  if (needed === undefined) return NtStatus.STATUS_BUFFER_TOO_SMALL
  size.value = needed.listSize
  if (mapRegisters !== null) mapRegisters.value = needed.mapRegisters
  return NtStatus.STATUS_SUCCESS

  function ofMdl(first: Mdl): Requirements | undefined {
    const offset = Number(currentVa - MmGetMdlVirtualAddress(first))
    const range = offset < 0 ? undefined : rangeOf(state, routine, first, offset, length)
    return range?.length === length ? requirementsOf(state, range) : undefined
  }
}

/** GetDmaTransferInfo. */
export function getDmaTransferInfo(
  state: AdapterState,
  mdl: Mdl,
  offset: number,
  length: number,
  info: Struct<typeof DMA_TRANSFER_INFO>,
): NtStatus {
  const routine = 'GetDmaTransferInfo'
  enter(state, { routine, since: 3, rule: 'DMA-002', highest: KIRQL.DISPATCH_LEVEL })
  if (info.get('Version') !== 1) return NtStatus.STATUS_NOT_SUPPORTED
  const range = rangeOf(state, routine, mdl, offset, length)
  if (length === 0 || range.length < length) return NtStatus.STATUS_INVALID_PARAMETER
  const needed = requirementsOf(state, range)
  info.set('MapRegisterCount', needed.mapRegisters)
  info.set('ScatterGatherElementCount', needed.elements)
  info.set('ScatterGatherListSize', needed.listSize)
  return NtStatus.STATUS_SUCCESS
}

/** GetDmaAdapterInfo. */
export function getDmaAdapterInfo(state: AdapterState, info: Struct<typeof DMA_ADAPTER_INFO>): NtStatus {
  const routine = 'GetDmaAdapterInfo'
  enter(state, { routine, since: 3, rule: 'DMA-010', highest: KIRQL.DISPATCH_LEVEL })
  if (info.get('Version') !== 1) return NtStatus.STATUS_NOT_SUPPORTED
  info.set('ReadDmaCounterAvailable', 0)
  info.set('ScatterGatherLimit', state.scatterGather ? state.mapRegisters : 1)
  info.set('DmaAddressWidth', state.addressWidth)
  info.set('Flags', 0)
  info.set('MinimumTransferUnit', state.platform.alignment)
  return NtStatus.STATUS_SUCCESS
}

function elementsAtMost(state: AdapterState, { frames, pieces }: BufferRange): number {
  const { platform, kernel } = state
  const bounced = outOfReach(kernel.frames, frames, highestReached(state))
  const limited = platform.longestElement < 0xffff_ffff || platform.boundary > 0
  let [elements, next] = [0, 0]
  for (const { firstPage, pages, offset, length } of pieces) {
    let run = 0
    for (let page = 0; page < pages; page++) {
      const at = firstPage + page
      const own = bounced[next] === at
      if (own) next++
      const follows =
        page > 0 && !own && bounced[next - 1] !== at - 1 && (frames[at] ?? 0) === (frames[at - 1] ?? 0) + 1
      const adjacent = follows && !startsBank(state, frames[at] ?? 0)
      if (!adjacent) {
        elements += run === 0 ? 0 : cuts(run)
        run = 0
      }
      run += Math.min(offset + length, (page + 1) * PAGE_SIZE) - Math.max(offset, page * PAGE_SIZE)
    }
    elements += cuts(run)
  }
  return elements

  /** Elements of one run of so many bytes, wherever it lies to the boundary. */
  function cuts(bytes: number): number {
    if (!limited) return 1
    const { longestElement, boundary } = platform
    const crossings = boundary === 0 ? 0 : Math.floor((bytes + boundary - 2) / boundary)
    return Math.ceil(bytes / longestElement) + crossings
  }
}

/** Frames on two sides of a bank's start follow one another in the home view only. */
const startsBank = ({ kernel }: AdapterState, frame: number): boolean =>
  kernel.frames.banks.some(({ firstIndex }) => firstIndex === frame)
