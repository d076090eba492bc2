import { type BusAddress, type Va, physicalAddress, va } from '../../../base/address.ts'
import { runAll, undoAfter } from '../../../base/disposal.ts'
import { PAGE_SIZE, pagesIn } from '../../../base/pages.ts'
import type { Mapping } from '../../../device/contract.ts'
import { unmapWhole } from '../../../device/unmap-whole.ts'
import { Protection } from '../../../native/surface.ts'
import { KIRQL, type Out } from '../../constants.ts'
import { type AdapterState, type Entry, enter } from '../state.ts'
import { highestReached } from '../transfer/bounce.ts'
import { ulong } from '../ulong.ts'
import { violate } from '../violation.ts'
import { Guards, overrunParameters } from './guards.ts'
import { type Bounds, mapJoined } from './placement.ts'

/** A common buffer that was not freed. */
export interface CommonBuffer {
  readonly address: Va
  readonly length: number
  readonly logical: BusAddress
  /** As the allocation named it; it changes nothing (DMA-051). undefined where it was not asked. */
  readonly cacheEnabled: boolean | undefined
  readonly guards: Guards | undefined
  /** Ends the device's access and gives back what the system allocated. */
  readonly release: () => void
}

/** The common buffers of an adapter. Those that were made from one MDL have the same address. */
export type CommonBuffers = Set<CommonBuffer>

export interface CommonBufferRequest {
  readonly length: number
  readonly bounds: Bounds
  readonly cacheEnabled: boolean | undefined
  /** Rounded to 512 pages (DMA-053). */
  readonly largePage: boolean
}

export const ANYWHERE: Bounds = { minimum: 0n, maximum: 1n << 64n }

const LARGE_PAGE = 512 * PAGE_SIZE

/** AllocateCommonBuffer and its variants. @returns null when memory, mappings or places run out */
export function allocateCommonBuffer(
  state: AdapterState,
  entry: Pick<Entry, 'routine' | 'since'>,
  request: CommonBufferRequest,
  logical: Out<BusAddress>,
): Va | null {
  enter(state, { ...entry, rule: 'DMA-050', highest: KIRQL.PASSIVE_LEVEL })
  const { length, largePage } = request
  if (ulong(length, 'Length') === 0) return null
  const rounded = largePage ? Math.ceil(length / LARGE_PAGE) * LARGE_PAGE : length
  const before = state.platform.verification ? Guards.pagesBefore : 0
  const pages = before + (state.platform.verification ? Guards.pagesOf(rounded) : pagesIn(rounded))
  const frames = takeFrames(state, pages, request.bounds)
  if (frames.length === 0) return null
  const buffer = made(state, request, frames, frames.subarray(before, before + pagesIn(rounded)))
  if (buffer === undefined) {
    state.kernel.frames.free(frames)
    return null
  }
  state.commonBuffers.add(buffer)
  logical.value = buffer.logical
  return buffer.address
}

/** Adjacent, and where the device reaches them; without an IOMMU their own addresses are the logical ones. */
function takeFrames(state: AdapterState, count: number, { minimum, maximum }: Bounds): Uint32Array {
  const identity = state.domain.capabilities.placement === 'identity'
  const highest = highestReached(state)
  const high = identity && maximum - 1n < highest ? maximum - 1n : highest
  const low = identity ? minimum : 0n
  if (high < low) return new Uint32Array()
  const { frames } = state.kernel
  return frames.allocate({ count, low: physicalAddress(low), high: physicalAddress(high), contiguous: true })
}

function made(
  state: AdapterState,
  { length, bounds, cacheEnabled }: CommonBufferRequest,
  frames: Uint32Array,
  payload: Uint32Array,
): CommonBuffer | undefined {
  const { kernel, platform } = state
  const mapping = mapped(state, payload, bounds)
  if (mapping === undefined) return undefined
  const start = (payload[0] ?? 0) * PAGE_SIZE
  try {
    const view = kernel.memory.mapFrames({ memory: kernel.frames, indices: frames }, Protection.readWrite, 'system')
    const guards = platform.verification ? new Guards(kernel.frames, start, length) : undefined
    const before = start - (frames[0] ?? 0) * PAGE_SIZE
    const release = (): void =>
      runAll([() => unmapWhole(mapping), () => kernel.memory.unmap(view.address), () => kernel.frames.free(frames)])
    const address = va(view.address + BigInt(before))
    return { address, length, logical: mapping.segments.at(0).bus, cacheEnabled, guards, release }
  } catch (error) {
    if (kernel.shortages.note(error)) {
      unmapWhole(mapping)
      return undefined
    }
    undoAfter(error, [() => unmapWhole(mapping)])
  }
}

/** @returns undefined for a shortage of the platform, or for want of a place */
export function mapped(state: AdapterState, payload: Uint32Array, bounds: Bounds): Mapping | undefined {
  try {
    return mapJoined(state, payload, bounds)
  } catch (error) {
    if (state.kernel.shortages.note(error)) return undefined
    throw error
  }
}

/**
 * FreeCommonBuffer.
 * @throws BugCheck 0xE6/0x03 for one that is not allocated (VER-002), 0xE6/0x0F when something wrote over its guards
 *   (VER-004), once: they are as new then
 * @throws CallerError for values that are not those of the allocation (DMA-052)
 */
export function freeCommonBuffer(
  state: AdapterState,
  length: number,
  logical: BusAddress,
  address: Va,
  cacheEnabled: boolean,
): void {
  const routine = 'FreeCommonBuffer'
  const { kernel, commonBuffers } = state
  enter(state, { routine, since: 1, rule: 'DMA-052', highest: KIRQL.PASSIVE_LEVEL })
  const there = [...commonBuffers].filter((one) => one.address === address)
  const buffer = there.find((one) => one.logical === logical) ?? there[0]
  if (buffer === undefined) {
    violate(kernel, { rule: 'VER-002', routine, text: 'no common buffer is there', parameters: [0x03, 1n] })
  }
  const sameCache = buffer.cacheEnabled === undefined || buffer.cacheEnabled === cacheEnabled
  if (buffer.length !== length || buffer.logical !== logical || !sameCache) {
    const text = 'length, logical address and caching are not those of the allocation'
    kernel.ledger.raise({ rule: 'DMA-052', routine, text })
  }
  checkGuards(state, routine, buffer)
  commonBuffers.delete(buffer)
  buffer.release()
}

function checkGuards({ kernel }: AdapterState, routine: string, { guards, address, length }: CommonBuffer): void {
  const overrun = guards?.check()
  if (overrun === undefined) return
  guards?.restore()
  const text = `something wrote ${overrun.distance} bytes from the start of a common buffer of ${length}`
  violate(kernel, { rule: 'VER-004', routine, text, parameters: overrunParameters(overrun, address, length) })
}
