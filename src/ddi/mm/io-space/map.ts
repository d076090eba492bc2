import { type PhysicalAddress, type Va, va } from '../../../base/address.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../../base/pages.ts'
import type { Region } from '../../../device/contract.ts'
import { Protection } from '../../../native/surface.ts'
import { KIRQL, type MEMORY_CACHING_TYPE } from '../../constants.ts'
import { hasResult } from '../../kernel/shortages.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES } from '../mdl.ts'
import type { MmState } from '../state.ts'

export interface IoMapRequest {
  readonly PhysicalAddress: PhysicalAddress
  readonly NumberOfBytes: number
  readonly CacheType: MEMORY_CACHING_TYPE
}

/** A view of MmMapIoSpace. */
export interface IoView {
  readonly bytes: number
  /** The frames that it shows; none of a BAR. It holds them, so that they are nobody else's while it is there. */
  readonly frames: Uint32Array
}

const PAGE = BigInt(PAGE_SIZE)

/** MmMapIoSpace. */
export function mapIoSpace(state: MmState, request: IoMapRequest): Va | null {
  const routine = 'MmMapIoSpace'
  const { kernel } = state
  kernel.verifyIrql(routine, { rule: 'VER-013', highest: KIRQL.DISPATCH_LEVEL, code: 0x73 })
  const { PhysicalAddress, NumberOfBytes: bytes } = request
  if (!Number.isInteger(bytes) || bytes <= 0) {
    kernel.ledger.raise({ rule: 'DXM-030', routine, text: `${bytes} bytes cannot be mapped` })
  }
  const frames = framesAt(state, PhysicalAddress, bytes)
  requireHeld(state, frames)
  const region = frames.length > 0 ? undefined : regionAt(state, PhysicalAddress, bytes)
  if (frames.length === 0 && region === undefined) return null
  if (kernel.lowResources.strikes(routine)) return null
  try {
    const page = region === undefined ? mapRam(state, frames, request) : mapBar(state, region, request)
    const address = va(page + (PhysicalAddress % PAGE))
    kernel.locks.lock(frames)
    state.ioViews.set(address, { bytes, frames })
    return address
  } catch (error) {
    kernel.shortages.note(error)
    if (!hasResult(error)) throw error
    return null
  }
}

/** MmUnmapIoSpace. */
export function unmapIoSpace(state: MmState, address: Va, bytes: number): void {
  const routine = 'MmUnmapIoSpace'
  const { kernel, ioViews } = state
  kernel.verifyIrql(routine, { rule: 'VER-013', highest: KIRQL.DISPATCH_LEVEL, code: 0x7b })
  const view = ioViews.get(address)
  if (view === undefined) {
    const bugCheck = { code: 0xda, parameter: 0x400 }
    return kernel.ledger.raise({ rule: 'DXM-033', routine, text: 'MmMapIoSpace did not return the address', bugCheck })
  }
  if (view.bytes !== bytes) {
    kernel.ledger.raise({ rule: 'DXM-032', routine, text: `${view.bytes} bytes were mapped, not ${bytes}` })
  }
  // The page allows this level, the Driver Verifier does not (ERR-24).
  if (kernel.KeGetCurrentIrql() > KIRQL.APC_LEVEL) {
    const bugCheck = { code: 0xc4, parameter: 0x7b }
    kernel.ledger.note({ rule: 'DXM-032', routine, text: 'called above APC_LEVEL', bugCheck })
  }
  end(state, address)
}

/** Ends every view that is left, and writes it down. */
export function discardIoViews(state: MmState): void {
  for (const [address, { bytes }] of state.ioViews) {
    const text = `${bytes} bytes were never unmapped`
    state.kernel.ledger.note({ rule: 'DXM-032', routine: 'close', text })
    end(state, address)
  }
}

function end({ kernel, attributes, ioViews }: MmState, address: Va): void {
  const frames = ioViews.get(address)?.frames ?? new Uint32Array()
  attributes.release(frames)
  ioViews.delete(address)
  kernel.memory.unmap(va(address - (address % PAGE)))
  kernel.locks.unlock(frames)
}

/** The frames of the range; none when a page of it is no RAM. */
function framesAt({ kernel }: MmState, start: PhysicalAddress, bytes: number): Uint32Array {
  // No list is made of what cannot be RAM: it would have as many entries as the caller likes.
  if (bytes > kernel.frames.size) return new Uint32Array()
  const first = Number(start >> BigInt(PAGE_SHIFT))
  const pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(va(start), bytes)
  const frames = Array.from({ length: pages }, (_, page) => kernel.frames.indexOf(first + page))
  return frames.includes(undefined) ? new Uint32Array() : Uint32Array.from(frames.map((frame) => frame ?? 0))
}

/** RAM has to be locked by an MDL, or to belong to a page allocation, so that it stays what it is (VER-011, DXM-033). */
function requireHeld({ kernel, mdls, ioViews }: MmState, frames: Uint32Array): void {
  const byViews = new Map<number, number>()
  for (const view of ioViews.values()) {
    for (const frame of view.frames) byViews.set(frame, (byViews.get(frame) ?? 0) + 1)
  }
  const locked = (frame: number): boolean => kernel.locks.count(frame) > (byViews.get(frame) ?? 0)
  if (frames.every(locked)) return
  const allocated = new Set(mdls.all().flatMap((shadow) => (shadow.origin === 'pages' ? [...shadow.frames] : [])))
  if (frames.every((frame) => locked(frame) || allocated.has(frame))) return
  const bugCheck = { code: 0xc4, parameter: 0x83 }
  kernel.ledger.raise({ rule: 'VER-011', routine: 'MmMapIoSpace', text: 'the pages are not locked', bugCheck })
}

function regionAt({ regions }: MmState, start: PhysicalAddress, bytes: number): Region | undefined {
  const end = start + BigInt(bytes)
  return regions.find(
    (bar) => bar.kind === 'memory' && bar.mappable && start >= bar.start && end <= bar.start + BigInt(bar.size),
  )
}

function mapRam({ kernel, attributes }: MmState, frames: Uint32Array, { CacheType }: IoMapRequest): Va {
  attributes.claim(frames, CacheType)
  try {
    return kernel.memory.mapFrames({ memory: kernel.frames, indices: frames }, Protection.readWrite, 'system').address
  } catch (error) {
    attributes.release(frames)
    throw error
  }
}

function mapBar({ kernel }: MmState, region: Region, { PhysicalAddress, NumberOfBytes }: IoMapRequest): Va {
  const offset = Number(PhysicalAddress - region.start)
  return kernel.memory.mapRegion(region, offset, NumberOfBytes, 'system').address
}
