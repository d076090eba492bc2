import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Device, Region } from '../../device/contract.ts'
import type { Segments } from '../../device/segments.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { AdminChannel, depositOf } from './admin-channel.ts'
import type { DmaEngine, EngineAbilities, EngineOptions } from '../contract.ts'
import { Carrier } from './carrier.ts'
import { Channel } from './channel.ts'
import { grantedQueues, requestQueues } from './protocol/commands.ts'
import { Controller } from './controller.ts'
import { checkController } from './fitting.ts'
import type { ControllerData } from './protocol/identify.ts'
import { OwnPages } from './own-pages.ts'
import { prpListPages } from './protocol/prp.ts'
import { type Scratch, ScratchPart } from './scratch.ts'
import { sglPages } from './protocol/sgl.ts'
import { Vectors } from './queues/vectors.ts'

export interface NvmeParts {
  readonly device: Device
  readonly frames: FrameStore
  /** Bits of the addresses that the controller emits. */
  readonly addressBits: number
  /** Bytes of one command, at most what the controller says (MDTS). */
  readonly maxTransfer: number
  /** Of which addresses and lengths are multiples: 1 and 4 need SGLs, without them it is a page. */
  readonly granularity: number
  /** Without it nothing is written to any block, and nothing carried. */
  readonly scratch?: Scratch
}

/** Each has a pair of queues, and a vector of its own where there are so many. */
const CHANNELS = 4
/**
 * Segments of one command: with one more for the rest of a block they fill two pages of the list. A third page in a row is taken
 * for one out of place by QEMU 7.2.
 */
const LIST_LENGTH = 510
/** Of data on their way between Probar and the scratch blocks. */
const STAGING_PAGES = 16

/**
 * The DMA engine of an NVM Express controller (NVM Express Base Specification 1.4). Data are carried through scratch
 * blocks: to write to memory is to put the data into blocks, and to have them read from there into the target.
 * The controller is brought up at its first use, and disabled when the engine is closed.
 */
export class NvmeEngine implements DmaEngine {
  readonly name = 'nvme'
  readonly abilities: EngineAbilities
  /** Bytes that `deposit` has the controller write. */
  readonly depositSize = PAGE_SIZE
  readonly #parts: NvmeParts
  readonly #pages: OwnPages
  readonly #controller: Controller
  readonly #vectors: Vectors
  readonly #carriers: readonly Carrier[]
  readonly #admin: AdminChannel
  #closed = false

  constructor(parts: NvmeParts) {
    const { device, frames, scratch } = parts
    const registers = registersOf(device)
    const channels = scratch === undefined ? 0 : CHANNELS
    this.#parts = parts
    this.#vectors = new Vectors(device.interrupts, registers, channels + 1)
    this.abilities = abilitiesOf(parts, this.#vectors.available)
    const lists = Math.max(prpListPages(parts.maxTransfer + PAGE_SIZE), sglPages(LIST_LENGTH + 1), 1)
    this.#pages = new OwnPages(device.dma, frames, 3 + channels * (3 + lists + STAGING_PAGES))
    const { clock } = device
    const vectors = this.#vectors
    this.#controller = new Controller({
      registers,
      clock,
      submission: this.#pages.takeOne(),
      completion: this.#pages.takeOne(),
      answer: this.#pages.takeOne(),
      interrupting: () => vectors.armed,
      check: (controller, data) => this.#check(controller, data),
    })
    const controller = this.#controller
    this.#admin = new AdminChannel({ controller, clock, vectors })
    this.#carriers = Array.from({ length: channels }, (_, index) => {
      const channel = new Channel({
        controller,
        clock,
        vectors,
        registers,
        id: index + 1,
        submission: this.#pages.takeOne(),
        completion: this.#pages.takeOne(),
        lists: this.#pages.take(lists),
      })
      const { maxTransfer } = this.abilities
      const own = { padding: this.#pages.takeOne(), staging: this.#pages.take(STAGING_PAGES) }
      return new Carrier({ channel, clock, maxTransfer, listLength: LIST_LENGTH, ...own })
    })
  }

  async write(target: Segments, data: Uint8Array, options: EngineOptions = {}): Promise<void> {
    const carrier = this.#carrier(options.channel)
    if (target.size !== data.length) {
      throw new ProbarError('range-outside', `the list holds ${target.size} bytes, the data ${data.length}`)
    }
    this.#take(target)
    await carrier.channel.run(options, (endable) => carrier.write(target, data, endable))
  }

  async read(source: Segments, options: EngineOptions = {}): Promise<Uint8Array> {
    const carrier = this.#carrier(options.channel)
    this.#take(source)
    return carrier.channel.run(options, (endable) => carrier.read(source, endable))
  }

  /**
   * Has the controller write data of its own, which destroys nothing: what Identify says of it, or with 512 bytes or less
   * its log of firmware slots, neither of which changes by itself.
   * @param target of `depositSize` bytes, or of up to 512, a multiple of 4; a list that PRP entries can describe, for
   *   admin commands take no SGLs
   * @returns the same data, fetched before by a command of its own into a page of the engine's
   * @throws ProbarError range-outside for another target, and as `write`
   */
  async deposit(target: Segments, options: Pick<EngineOptions, 'signal' | 'timeoutMs'> = {}): Promise<Uint8Array> {
    this.#open()
    const command = depositOf(target)
    this.#reach(target)
    return this.#admin.deposit(target, command, options)
  }

  /** Without scratch blocks there is the admin queue only, whose vector is 0. */
  async interrupt(options: EngineOptions = {}): Promise<number> {
    const { channel = 0 } = options
    this.#only(channel)
    const carrier = this.#carriers[channel]
    if (carrier !== undefined) return carrier.channel.run(options, (endable) => carrier.interrupt(endable))
    return this.#admin.interrupt(options)
  }

  /** Deletes the channel's queues; the admin queue, which is channel 0 without scratch blocks, drains. */
  async abort(channel = 0, { timeoutMs }: Pick<EngineOptions, 'timeoutMs'> = {}): Promise<void> {
    this.#only(channel)
    const carrier = this.#carriers[channel]
    if (carrier !== undefined) return carrier.channel.abort(timeoutMs)
    await this.#admin.abort()
  }

  idle(channel = 0): boolean {
    this.#only(channel)
    const carrier = this.#carriers[channel]
    return carrier === undefined ? this.#controller.idle : carrier.channel.idle
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    let stopped = false
    const stop = (): void => {
      this.#controller.close()
      stopped = true
    }
    runAll([stop, () => this.#vectors.close(), () => this.#pages.close(stopped)])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** What the profile says must hold for this very controller, before a block of it is touched. */
  async #check(controller: Controller, data: ControllerData): Promise<void> {
    checkController(this.#parts, data)
    const { scratch } = this.#parts
    if (scratch === undefined) return
    const namespace = await controller.namespace(scratch.namespace)
    const { length: channels } = this.#carriers
    const { maxTransfer } = this.abilities
    for (const [channel, carrier] of this.#carriers.entries()) {
      const part = new ScratchPart(scratch, namespace, { channel, channels, maxTransfer })
      carrier.use({ part, sgl: data.sglAlignment !== undefined && this.#parts.granularity < PAGE_SIZE })
    }
    const { result } = await controller.admin(requestQueues(channels))
    if (grantedQueues(result) >= channels) return
    throw new ProbarError(
      'capability-missing',
      `the controller gives ${grantedQueues(result)} pairs of queues, not ${channels}`,
    )
  }

  #carrier(channel = 0): Carrier {
    this.#only(channel)
    const carrier = this.#carriers[channel]
    if (carrier !== undefined) return carrier
    const text =
      'data are carried through blocks of a disk that may be overwritten: name such by dma.scratch in the profile'
    throw new ProbarError('capability-missing', text)
  }

  #only(channel: number): void {
    this.#open()
    const { channels } = this.abilities
    if (Number.isInteger(channel) && channel >= 0 && channel < channels) return
    throw new ProbarError('range-outside', `the engine has channels 0 to ${channels - 1}, not ${channel}`)
  }

  /** As the profile says: what the controller makes of other lists is its own affair. */
  #take(list: Segments): void {
    this.#reach(list)
    const { alignment } = this.abilities
    for (const { bus, length } of list) {
      if ((bus | BigInt(length)) % BigInt(alignment) === 0n) continue
      const text = `the controller takes multiples of ${alignment} bytes (dma.granularity)`
      throw new ProbarError('range-outside', `${text}, not ${length} at ${hex(bus)}`)
    }
  }

  #reach(list: Segments): void {
    const { addressBits } = this.abilities
    for (const { bus, length } of list) {
      if (bus + BigInt(length) <= 1n << BigInt(addressBits)) continue
      throw new ProbarError('range-outside', `the controller reaches ${addressBits} address bits, not ${hex(bus)}`)
    }
  }

  #open(): void {
    if (this.#closed) throw new ProbarError('closed', 'the engine is closed')
  }
}

function registersOf({ regions }: Device): Region {
  const registers = regions.find(({ index }) => index === 0)
  if (registers !== undefined) return registers
  throw new ProbarError('region-absent', 'an NVM Express controller has its registers in BAR 0, which is absent')
}

function abilitiesOf(
  { maxTransfer, addressBits, granularity, scratch }: NvmeParts,
  interrupts: boolean,
): EngineAbilities {
  return {
    maxTransfer,
    addressBits,
    completion: interrupts ? ['poll', 'interrupt'] : ['poll'],
    interrupts,
    listLength: LIST_LENGTH,
    alignment: granularity,
    channels: scratch === undefined ? 1 : CHANNELS,
    abort: scratch === undefined ? 'drains' : 'at-once',
    carries: scratch !== undefined,
  }
}
