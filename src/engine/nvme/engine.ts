import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Device, Region } from '../../device/contract.ts'
import type { Segments } from '../../device/segments.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { Aborting } from '../aborting.ts'
import type { DmaEngine, EngineAbilities, EngineOptions } from '../contract.ts'
import { Carrier } from './carrier.ts'
import { Channel } from './channel.ts'
import {
  type Command,
  type DataPointer,
  askQueues,
  getFirmwareLog,
  grantedQueues,
  identify,
  onePage,
  requestQueues,
} from './protocol/commands.ts'
import { Controller } from './controller.ts'
import { Deadline } from './deadline.ts'
import type { ControllerData } from './protocol/identify.ts'
import { OwnPages } from './own-pages.ts'
import { buildPrp, fitsPrp, prpListPages } from './protocol/prp.ts'
import { type Scratch, ScratchPart } from './scratch.ts'
import { sglPages } from './protocol/sgl.ts'
import { Vectors } from './vectors.ts'
import type { Announcement } from './waiting.ts'

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
/** Segments of one command. */
const LIST_LENGTH = 512
/** Bytes of the log of firmware slots. */
const LOG_SIZE = 512
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
  /** For what goes through the admin queue. */
  readonly #aborting = new Aborting()
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
    this.#reach(target)
    await carrier.channel.run(options, (endable) => carrier.write(target, data, endable))
  }

  async read(source: Segments, options: EngineOptions = {}): Promise<Uint8Array> {
    const carrier = this.#carrier(options.channel)
    this.#reach(source)
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
    return this.#aborting.run(options, async (endable) => {
      const deadline = new Deadline(this.#parts.device.clock, endable)
      deadline.left()
      await this.#controller.ensure()
      const data = await this.#controller.ask(({ bus }) => command(onePage(bus)))
      // one page, or parts of two: never a list
      await this.#controller.admin(command(buildPrp(target, []).pointer), deadline.left())
      return data.slice(0, target.size)
    })
  }

  /** Without scratch blocks there is the admin queue only, whose vector is 0. */
  async interrupt(options: EngineOptions = {}): Promise<number> {
    const { channel = 0 } = options
    this.#only(channel)
    const carrier = this.#carriers[channel]
    if (carrier !== undefined) return carrier.channel.run(options, (endable) => carrier.interrupt(endable))
    return this.#aborting.run(options, (endable) => this.#interruptByAdmin(endable))
  }

  /** Deletes the channel's queues; the admin queue has no end but that of the whole controller. */
  async abort(channel = 0, { timeoutMs }: Pick<EngineOptions, 'timeoutMs'> = {}): Promise<void> {
    this.#only(channel)
    const carrier = this.#carriers[channel]
    if (carrier !== undefined) return carrier.channel.abort(timeoutMs)
    this.#aborting.abort()
    if (!this.#controller.idle) this.#controller.stop()
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

  async #interruptByAdmin(options: EngineOptions): Promise<number> {
    const deadline = new Deadline(this.#parts.device.clock, options)
    const { interrupts, armed } = this.#vectors
    this.#vectors.arm()
    // QEMU interrupts only by vectors that a queue was given after MSI-X was enabled (measured with 7.2).
    if (!armed) await this.#controller.rest()
    await this.#controller.ensure()
    const by = (): Announcement => ({ interrupts, vector: 0, before: interrupts.count(0) })
    await this.#controller.announced(askQueues(), deadline.left(), by)
    return interrupts.count(0)
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

/** @throws ProbarError range-outside */
function depositOf(target: Segments): (data: DataPointer) => Command {
  const { size } = target
  const short = size > 0 && size <= LOG_SIZE && size % 4 === 0
  if (!fitsPrp(target) || !(short || size === PAGE_SIZE)) {
    const sizes = `${PAGE_SIZE} bytes, or a multiple of 4 up to ${LOG_SIZE}`
    const text = `a deposit goes to ${sizes}, from a multiple of 4 on and without a gap within a page`
    throw new ProbarError('range-outside', text)
  }
  return (data) => (short ? getFirmwareLog(size, data) : identify('controller', data))
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
    abort: 'at-once',
    carries: scratch !== undefined,
  }
}

/** @throws ProbarError profile-invalid */
function checkController({ maxTransfer, granularity }: NvmeParts, data: ControllerData): void {
  if (maxTransfer > data.maxTransfer) {
    const text = `dma.maxTransfer is ${maxTransfer}, but the controller takes ${data.maxTransfer} bytes a command (MDTS)`
    throw new ProbarError('profile-invalid', text)
  }
  if (granularity >= (data.sglAlignment ?? PAGE_SIZE)) return
  const can = data.sglAlignment === undefined ? 'has no SGLs' : `has SGLs of multiples of ${data.sglAlignment} bytes`
  const text = `dma.granularity is ${granularity}, but the controller ${can}: it must be ${data.sglAlignment ?? PAGE_SIZE} or more`
  throw new ProbarError('profile-invalid', text)
}
