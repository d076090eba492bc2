import { type PhysicalAddress, physicalAddress, type Va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { BlockingClock } from '../../base/clock.ts'
import type { Block, BlockPlace, Region, RegionArea, RegionView } from '../../device/contract.ts'
import {
  type Width,
  WidthAccesses,
  allOnes,
  checkBlock,
  checkRegisterAccess,
  checkRegisterValue,
} from '../../device/register-access.ts'
import { checkProgram, interpret } from '../../device/register-program/interpret.ts'
import type { RegisterProgram } from '../../device/register-program/program.ts'
import type { ModelBar } from './model/model.ts'
import type { RegisterFile } from './model/registers.ts'
import type { Slot } from './slot.ts'

/** Typed accesses over a register file; who may access, and where, is the subclass's to say. */
abstract class ModelAccesses extends WidthAccesses {
  readonly access64 = 'whole'
  protected abstract readonly clock: BlockingClock

  readBlock(offset: number, into: Block, place: BlockPlace = 'ascending'): void {
    this.#each(offset, into, place, (at, index, width) => {
      const value = this.load(at, width)
      into[index] = into instanceof BigUint64Array ? value : Number(value)
    })
  }

  writeBlock(offset: number, from: Block, place: BlockPlace = 'ascending'): void {
    this.#each(offset, from, place, (at, index, width) => this.store(at, width, BigInt(from[index] ?? 0)))
  }

  run(program: RegisterProgram): BigUint64Array {
    checkProgram(program, this.extent, this.access64)
    const port = {
      load: (offset: number, width: Width) => this.load(offset, width),
      store: (offset: number, width: Width, value: bigint) => this.store(offset, width, value),
    }
    return interpret(program, port, this.clock)
  }

  /** The register file and the offset in it. @throws ProbarError closed, device-gone, region-outside, region-misaligned */
  protected abstract reach(offset: number, width: Width): readonly [RegisterFile, number]

  protected override load(offset: number, width: Width): bigint {
    const [registers, at] = this.reach(offset, width)
    return registers.read(at, width)
  }

  protected override store(offset: number, width: Width, value: bigint): void {
    const [registers, at] = this.reach(offset, width)
    checkRegisterValue(value, width)
    registers.write(at, width, value)
  }

  #each(
    offset: number,
    block: Block,
    place: BlockPlace,
    access: (offset: number, index: number, width: Width) => void,
  ): void {
    checkBlock(offset, block, place, this.extent)
    const width = block.BYTES_PER_ELEMENT as Width
    const step = place === 'fixed' ? 0 : width
    for (let index = 0; index < block.length; index++) access(offset + index * step, index, width)
  }
}

export interface RegionWiring {
  readonly slot: Slot
  readonly bar: ModelBar
  readonly registers: RegisterFile
  /** Delays and timeouts of programs pass on it. */
  readonly clock: BlockingClock
  /** The memory decode bit of the command register. */
  readonly decoding: () => boolean
}

/** A BAR of a modelled function. */
export class LoopbackRegion extends ModelAccesses implements Region {
  readonly index: number
  readonly kind = 'memory'
  readonly size: number
  readonly start: PhysicalAddress
  readonly prefetchable: boolean
  readonly addressBits: 32 | 64
  readonly mappable = true
  protected readonly clock: BlockingClock
  readonly mappableAreas: readonly RegionArea[]
  readonly #wiring: RegionWiring

  /** @param size that it claims, where that is not the BAR's */
  constructor(wiring: RegionWiring, size = wiring.bar.size) {
    super()
    this.#wiring = wiring
    this.clock = wiring.clock
    const { bar } = wiring
    this.index = bar.index
    this.size = size
    this.start = physicalAddress(bar.start)
    this.prefetchable = bar.prefetchable
    this.addressBits = bar.addressBits
    this.mappableAreas = [{ offset: 0, length: bar.size }]
  }

  protected get extent(): number {
    return this.size
  }

  map(offset: number, length: number, at: Va): RegionView {
    this.#wiring.slot.requireOpen()
    const outside = !Number.isSafeInteger(offset) || offset < 0 || !(length > 0) || offset + length > this.size
    if (outside) {
      throw new ProbarError(
        'region-outside',
        `BAR ${this.index} ends at ${hex(this.size)}: no ${length} bytes at ${offset}`,
      )
    }
    if ([BigInt(offset), BigInt(Math.ceil(length)), at].some((value) => value % BigInt(PAGE_SIZE) !== 0n)) {
      throw new ProbarError('region-misaligned', `offset, length and address of a view are multiples of ${PAGE_SIZE}`)
    }
    return new LoopbackRegionView(this.#wiring, offset, length, at)
  }

  protected override reach(offset: number, width: Width): readonly [RegisterFile, number] {
    this.#wiring.slot.requireOpen()
    checkRegisterAccess(offset, width, this.size)
    return [answering(this.#wiring), offset]
  }
}

class LoopbackRegionView extends ModelAccesses implements RegionView {
  readonly address: Va
  readonly length: number
  protected readonly clock: BlockingClock
  readonly #wiring: RegionWiring
  readonly #offset: number
  #open = true

  constructor(wiring: RegionWiring, offset: number, length: number, address: Va) {
    super()
    this.#wiring = wiring
    this.#offset = offset
    this.length = length
    this.address = address
    this.clock = wiring.clock
  }

  protected get extent(): number {
    return this.length
  }

  close(): void {
    this.#open = false
  }

  [Symbol.dispose](): void {
    this.close()
  }

  protected override reach(offset: number, width: Width): readonly [RegisterFile, number] {
    this.#wiring.slot.requireOpen()
    if (!this.#open)
      throw new ProbarError('closed', `this view of BAR ${this.#wiring.bar.index} is closed: map it again`)
    checkRegisterAccess(offset, width, this.length)
    return [answering(this.#wiring), this.#offset + offset]
  }
}

const emptySlot: RegisterFile = { read: (_, width) => allOnes(width), write: () => undefined }

/** With memory decode off nobody answers either, but the platform makes an error of that, as VFIO does. */
function answering({ slot, registers, decoding }: RegionWiring): RegisterFile {
  if (!slot.present) return emptySlot
  if (decoding()) return registers
  throw new ProbarError(
    'decoding-off',
    'the memory decode bit of the command register is clear: set bit 1 at config offset 4',
  )
}
