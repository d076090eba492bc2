import { type BusAddress, type Va, busAddress } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL, type Out } from '../../constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../mm/mdl.ts'
import { checkBytes } from '../lists/lists.ts'
import { type AdapterState, enter } from '../state.ts'
import { highestReached, outOfReach } from '../transfer/bounce.ts'
import { type BufferRange, firstBytes, firstPages, rangeOf } from '../transfer/buffer-range.ts'
import { type MappedRange, mapRange } from '../transfer/mapped-range.ts'
import { violate } from '../violation.ts'
import type { MapRegisters } from './map-registers.ts'

const ROUTINE = 'MapTransfer'

/**
 * MapTransfer: one contiguous piece (DMA-041).
 * @param length bytes; with scatter/gather set to those that were mapped. 0 when the platform has no mapping left: no
 *   status is documented for that
 * @returns the logical address of the first byte
 */
export function mapTransfer(
  state: AdapterState,
  mdl: Mdl,
  base: MapRegisters,
  currentVa: Va,
  length: Required<Out<number>>,
  writeToDevice: boolean,
): BusAddress {
  enter(state, { routine: ROUTINE, since: 1, rule: 'DMA-041', highest: KIRQL.DISPATCH_LEVEL })
  requireRegisters(state, ROUTINE, base, 'DMA-041')
  checkBytes(state, ROUTINE, currentVa, length.value)
  const offset = offsetIn(state, ROUTINE, mdl, currentVa)
  requireInside(state, mdl, offset, length.value)
  const range = rangeOf(state, ROUTINE, mdl, offset, length.value)
  requireUnmapped(state, base, mdl, offset, length.value)
  const part = state.scatterGather ? firstRun(state, base, range) : whole(state, base, range)
  const mapped = contiguous(state, part, writeToDevice)
  if (mapped === undefined) {
    length.value = 0
    return busAddress(0)
  }
  base.transfers.push({ mdl, offset, length: mapped.length, writeToDevice, mapped })
  length.value = mapped.length
  return busAddress(mapped.segments.at(0).bus + BigInt(mapped.offset))
}

/** Adjacent frames from the first on, or one bounce page; as many as registers and the platform's limits allow. */
function firstRun(state: AdapterState, base: MapRegisters, range: BufferRange): BufferRange {
  const { kernel, platform } = state
  const left = base.count - base.used
  if (left === 0) noRegisters(state, ROUTINE, range.frames.length, left)
  const { frames } = range
  const [bounced = frames.length] = outOfReach(kernel.frames, frames, highestReached(state))
  const banks = new Set(kernel.frames.banks.map(({ firstIndex }) => firstIndex))
  const most = Math.min(frames.length, left, bounced === 0 ? 1 : bounced)
  let pages = 1
  while (pages < most && frames[pages] === (frames[pages - 1] ?? 0) + 1 && !banks.has(frames[pages] ?? 0)) pages++
  const part = firstPages(range, pages)
  return part.length > platform.longestElement ? firstBytes(part, platform.longestElement) : part
}

/** All of it, as one element (DMA-024, DMA-041). */
function whole(state: AdapterState, base: MapRegisters, range: BufferRange): BufferRange {
  const needed = range.frames.length
  if (needed > base.count) {
    const text = `the transfer needs ${needed} map registers of ${base.count}`
    const parameters = [0x15, BigInt(needed), BigInt(base.count)] as const
    violate(state.kernel, { rule: 'VER-005', routine: ROUTINE, text, parameters })
  }
  if (needed > base.count - base.used) noRegisters(state, ROUTINE, needed, base.count - base.used)
  return range
}

function noRegisters({ kernel }: AdapterState, routine: string, needed: number, left: number): never {
  const text = `${needed} contiguous map registers are needed, and ${left} are left`
  return violate(kernel, { rule: 'VER-005', routine, text, parameters: [0x00, 2n, BigInt(needed), BigInt(left)] })
}

/** Mapped so that it does not lie across the platform's boundary: shorter where it would. */
function contiguous(state: AdapterState, range: BufferRange, writeToDevice: boolean): MappedRange | undefined {
  const { boundary } = state.platform
  for (let part = range; ;) {
    const mapped = mapRange(state, part, writeToDevice)
    if (mapped === undefined || boundary === 0 || !state.scatterGather) return mapped
    const start = Number((mapped.segments.at(0).bus + BigInt(mapped.offset)) % BigInt(boundary))
    const room = boundary - start
    if (mapped.length <= room) return mapped
    mapped.abandon()
    part = firstPages(range, Math.floor((mapped.offset + room) / PAGE_SIZE))
  }
}

/** FlushAdapterBuffers: what the device wrote is in the buffer then (DMA-045). */
export function flushAdapterBuffers(
  state: AdapterState,
  mdl: Mdl,
  base: MapRegisters,
  currentVa: Va,
  length: number,
  writeToDevice: boolean,
): boolean {
  const routine = 'FlushAdapterBuffers'
  enter(state, { routine, since: 1, rule: 'DMA-045', highest: KIRQL.DISPATCH_LEVEL })
  requireRegisters(state, routine, base, 'DMA-045')
  flush(state, routine, base, { mdl, offset: offsetIn(state, routine, mdl, currentVa), length, writeToDevice })
  return true
}

export interface Flushed {
  readonly mdl: Mdl
  readonly offset: number
  readonly length: number
  readonly writeToDevice: boolean
}

/**
 * Ends the transfers that the range covers, which begins and ends where they do.
 * @throws BugCheck 0xE6/0x16 when nothing is mapped, 0xE6/0x20 when that range is not, 0xE6/0x00 with 1 for too many
 *   bytes (VER-006)
 * @throws CallerError for another direction, or an end inside a transfer (DMA-045)
 */
export function flush({ kernel }: AdapterState, routine: string, base: MapRegisters, flushed: Flushed): void {
  const violation = (text: string, parameters: readonly [number, ...bigint[]]): never =>
    violate(kernel, { rule: 'VER-006', routine, text, parameters })
  if (base.transfers.length === 0) violation('nothing is mapped', [0x16])
  const { mdl, offset, length, writeToDevice } = flushed
  const covered = []
  let at = offset
  while (at < offset + length) {
    const next = base.transfers.find((one) => one.mdl === mdl && one.offset === at)
    if (next === undefined) break
    covered.push(next)
    at += next.length
  }
  if (covered.length === 0) violation('that range is not mapped', [0x20])
  if (at < offset + length) {
    const left = BigInt(offset + length - at)
    violation(`${left} bytes more than were mapped`, [0x00, 1n, 0n, left])
  }
  const wrong = covered.some((one) => one.writeToDevice !== writeToDevice)
  if (wrong || at > offset + length) {
    const text = wrong ? 'the direction is not that of the mapping' : 'the range ends inside of what was mapped'
    kernel.ledger.raise({ rule: 'DMA-045', routine, text })
  }
  for (const one of covered) {
    base.transfers.splice(base.transfers.indexOf(one), 1)
    one.mapped.end()
  }
}

/** @throws CallerError for registers that were freed, or are another adapter's */
export function requireRegisters(
  { kernel, bases }: AdapterState,
  routine: string,
  base: MapRegisters,
  rule: string,
): void {
  if (bases.has(base)) return
  kernel.ledger.raise({ rule, routine, text: 'the map registers are not allocated on this adapter' })
}

/** @throws BugCheck 0xE6/0x1B for an address outside of the MDL (VER-007) */
function offsetIn({ kernel }: AdapterState, routine: string, mdl: Mdl, currentVa: Va): number {
  const offset = Number(currentVa - MmGetMdlVirtualAddress(mdl))
  if (offset >= 0 && offset < MmGetMdlByteCount(mdl)) return offset
  const text = 'CurrentVa is not in the MDL'
  return violate(kernel, { rule: 'VER-007', routine, text, parameters: [0x1b, currentVa, mdl.address] })
}

/** @throws BugCheck 0xE6/0x1F with 3 for a length that runs into another page, 0xE6/0x24 for one within the last (VER-007) */
function requireInside({ kernel }: AdapterState, mdl: Mdl, offset: number, length: number): void {
  const end = MmGetMdlByteCount(mdl)
  const extra = offset + length - end
  if (extra <= 0) return
  const page = PAGE_SIZE - Number((MmGetMdlVirtualAddress(mdl) + BigInt(end)) % BigInt(PAGE_SIZE))
  const crosses = page === PAGE_SIZE || extra > page
  const text = `the length is ${extra} bytes beyond the MDL`
  const parameters = crosses ? ([0x1f, 3n, mdl.address, BigInt(length)] as const) : ([0x24, BigInt(extra)] as const)
  violate(kernel, { rule: 'VER-007', routine: ROUTINE, text, parameters })
}

/** @throws BugCheck 0xE6/0x1D for bytes that are mapped already (VER-007) */
function requireUnmapped({ kernel }: AdapterState, base: MapRegisters, mdl: Mdl, offset: number, length: number): void {
  const twice = base.transfers.some(
    (one) => one.mdl === mdl && one.offset < offset + length && offset < one.offset + one.length,
  )
  if (!twice) return
  violate(kernel, {
    rule: 'VER-007',
    routine: ROUTINE,
    text: 'bytes of the range are mapped already',
    parameters: [0x1d],
  })
}

/** GetDmaAlignment (DMA-015). */
export function getDmaAlignment(state: AdapterState): number {
  enter(state, { routine: 'GetDmaAlignment', since: 1, rule: 'DMA-015', highest: KIRQL.DISPATCH_LEVEL })
  return state.platform.alignment
}
