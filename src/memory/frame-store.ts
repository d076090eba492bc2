import { type Pfn, type PhysicalAddress, type Va, pfn, physicalAddress, va } from '../base/address.ts'
import { undoAfter } from '../base/disposal.ts'
import { ProbarError } from '../base/errors.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import type { Random } from '../base/random.ts'
import type { HostMemory } from '../device/contract.ts'
import type { Area, MemorySurface, PhysicalSurface } from '../native/surface.ts'
import { type Bank, banksOf, placeBanks } from './banks.ts'

export interface FrameStoreOptions {
  readonly native: MemorySurface
  /** Frames of 4 KiB in all. */
  readonly frames: number
  readonly random: Random
  /** Physical ranges that no frame may have: the device's BARs. */
  readonly avoid?: readonly { readonly start: bigint; readonly size: number }[]
  /** Of the device, so that it could reach the lower half of the frames; see `placeBanks`. */
  readonly addressBits?: number
  /**
   * Tells where huge pages lie: the frames are taken from such, at their real physical addresses, for a device that no
   * IOMMU stands in front of. A multiple of 512 frames then.
   */
  readonly physical?: PhysicalSurface
}

export interface FrameRequest {
  readonly count: number
  /** First and last physical address that a frame may have; both truncated to frames. */
  readonly low?: PhysicalAddress
  readonly high?: PhysicalAddress
  /** All frames adjacent, or none at all. */
  readonly contiguous?: boolean
  /** With `contiguous`: the first frame's address is a multiple of this many frames. */
  readonly alignment?: number
  /** With `contiguous`: only frames behind this index, for a caller that takes one run after the other. */
  readonly after?: number
}

/** Frame indices, with an exclusive end. */
interface IndexRange {
  readonly from: number
  readonly to: number
}

/** What a freed frame is filled with, so that a page that nobody zeroed gives itself away (HC-8). */
export const FREED_BYTE = 0xdb

/**
 * The 4 KiB frames that the DDIs hand out. All of them have one linear home view; frame i is the page at `i * 4096`
 * there. Their physical addresses are synthetic: two banks, one below and one above 4 GiB, away from every BAR. Frames
 * from huge pages have their real ones instead.
 */
export class FrameStore implements HostMemory, Disposable {
  readonly area: Area
  readonly address: Va
  readonly size: number
  readonly banks: readonly Bank[]
  readonly native: MemorySurface
  readonly #random: Random
  readonly #taken: Uint8Array
  #closed = false

  constructor(options: FrameStoreOptions) {
    this.native = options.native
    this.size = options.frames * PAGE_SIZE
    this.area = this.native.createMemory(this.size, options.physical !== undefined)
    this.banks = this.#banksOf(options)
    this.address = va(this.native.address(this.area))
    this.#random = options.random
    this.#taken = new Uint8Array(options.frames)
  }

  #banksOf({ physical, frames, avoid = [], addressBits }: FrameStoreOptions): readonly Bank[] {
    if (physical === undefined) return placeBanks(frames, avoid, addressBits)
    try {
      return banksOf(physical.physicalFrames(this.area))
    } catch (error) {
      undoAfter(error, [() => this.native.release(this.area)])
    }
  }

  /** Frames in use. */
  get allocated(): number {
    return this.#taken.reduce((sum, taken) => sum + taken, 0)
  }

  /**
   * Frame indices, fewer than asked for when the window has no more, none when `contiguous` cannot be met. Scattered
   * frames come in short runs in random order, so that lists really are fragmented. Contents are undefined.
   */
  allocate(request: FrameRequest): Uint32Array {
    if (this.#closed) throw new ProbarError('closed', 'the frame store is closed')
    const indices = request.contiguous === true ? this.#findRun(request) : this.#pickScattered(request)
    for (const index of indices) this.#taken[index] = 1
    return indices
  }

  /** @throws ProbarError internal when a frame is not allocated, before any is freed */
  free(indices: Uint32Array): void {
    for (const index of indices) {
      if (this.#taken[index] !== 1) throw new ProbarError('internal', `frame ${index} is freed but not allocated`)
    }
    for (const index of indices) this.#taken[index] = 0
    this.native.fillPages(this.area, indices, FREED_BYTE)
  }

  zero(indices: Uint32Array): void {
    this.native.fillPages(this.area, indices, 0)
  }

  pfn(index: number): Pfn {
    const bank = this.#bankOf(index)
    return pfn(bank.firstPfn + index - bank.firstIndex)
  }

  /**
   * Writes the numbers of the frames, 8 bytes each, little endian.
   * @param words twice as many, 4 bytes each: a 64-bit element would become an object
   */
  writePfns(indices: Uint32Array, words: Uint32Array): void {
    let bank: Bank | undefined
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] ?? 0
      if (bank === undefined || index < bank.firstIndex || index >= bank.firstIndex + bank.count) {
        bank = this.#bankOf(index)
      }
      const number = bank.firstPfn + index - bank.firstIndex
      words[2 * i] = number % 2 ** 32
      words[2 * i + 1] = Math.floor(number / 2 ** 32)
    }
  }

  /** The frame with this number, or undefined when it is none of this store's. */
  indexOf(frame: number): number | undefined {
    const bank = this.banks.find((one) => frame >= one.firstPfn && frame < one.firstPfn + one.count)
    return bank === undefined ? undefined : bank.firstIndex + frame - bank.firstPfn
  }

  physicalAddress(index: number): PhysicalAddress {
    return physicalAddress(BigInt(this.pfn(index)) * BigInt(PAGE_SIZE))
  }

  read(offset: number, length: number): Uint8Array {
    return this.native.read(this.area, offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.native.write(this.area, offset, bytes)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.native.release(this.area)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #bankOf(index: number): Bank {
    const bank = this.banks.find((candidate) => index < candidate.firstIndex + candidate.count)
    if (bank === undefined || index < 0) throw new ProbarError('range-outside', `there is no frame ${index}`)
    return bank
  }

  /** The parts of the banks, as index ranges with exclusive ends, that lie inside the window. */
  #window(request: FrameRequest): readonly (IndexRange & { readonly bank: Bank })[] {
    const low = Number((request.low ?? 0n) >> 12n)
    const high = Number((request.high ?? 0xffff_ffff_ffff_ffffn) >> 12n)
    return this.banks.flatMap((bank) => {
      const from = bank.firstIndex + Math.max(0, low - bank.firstPfn)
      const to = bank.firstIndex + Math.min(bank.count, high + 1 - bank.firstPfn)
      return from < to ? [{ from, to, bank }] : []
    })
  }

  #findRun(request: FrameRequest): Uint32Array {
    const { alignment = 1, count, after = -1 } = request
    for (const { from, to, bank } of this.#window(request)) {
      let start = Math.max(from, after + 1)
      for (let index = start; index < to; index++) {
        const misaligned = index === start && (bank.firstPfn + index - bank.firstIndex) % alignment !== 0
        if (misaligned || this.#taken[index] === 1) start = index + 1
        else if (index - start + 1 === count) return Uint32Array.from({ length: count }, (_, i) => start + i)
      }
    }
    return new Uint32Array()
  }

  /** Takes as it goes, so that no list of what is free is needed. */
  #pickScattered(request: FrameRequest): Uint32Array {
    const ranges = this.#window(request)
    const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    const picked = new Uint32Array(Math.min(request.count, total))
    let at: number | undefined
    for (let i = 0; i < picked.length; i++) {
      at = this.#following(ranges, at) ?? this.#anyFree(ranges, total)
      if (at === undefined) return picked.slice(0, i)
      this.#taken[at] = 1
      picked[i] = at
    }
    return picked
  }

  /** Now and then the frame behind the last one, if it is free. */
  #following(ranges: readonly IndexRange[], last: number | undefined): number | undefined {
    if (last === undefined || this.#taken[last + 1] !== 0) return undefined
    if (this.#random.below(4) !== 0) return undefined
    return ranges.some(({ from, to }) => from <= last && last + 1 < to) ? last + 1 : undefined
  }

  /** A free frame: a random place in the ranges, then the next that is free, or undefined when none is. */
  #anyFree(ranges: readonly IndexRange[], total: number): number | undefined {
    let rest = this.#random.below(total)
    const first = ranges.findIndex(({ from, to }) => {
      if (rest < to - from) return true
      rest -= to - from
      return false
    })
    for (let step = 0; step <= ranges.length; step++) {
      const { from, to } = ranges[(first + step) % ranges.length] ?? { from: 0, to: 0 }
      const start = step === 0 ? from + rest : from
      if (this.#taken[start] === 0) return start
      const found = this.#taken.subarray(start, to).indexOf(0)
      if (found !== -1) return start + found
    }
    return undefined
  }
}
