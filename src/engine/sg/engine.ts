import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Device, Region } from '../../device/contract.ts'
import type { Segments } from '../../device/segments.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { Aborting } from '../aborting.ts'
import type { DmaEngine, EngineAbilities, EngineOptions } from '../contract.ts'
import { unlessGone } from './channel-registers.ts'
import { commandsOf, type Descriptor } from './descriptors.ts'
import { DeviceMemory } from './device-memory.ts'
import { ListChannel } from './list-channel.ts'
import {
  DESCRIPTOR_SIZE,
  LIST_CHANNELS,
  MAX_TRANSFER,
  MEMORY_BAR,
  REGISTERS_BAR,
  STREAM_CHANNELS,
} from './registers.ts'
import { RingMemory } from './ring-memory.ts'
import { Vectors } from './vectors.ts'

export interface SgParts {
  readonly device: Device
  readonly frames: FrameStore
  /** Bits of the addresses that the device emits. */
  readonly addressBits: number
  /** Bytes of one command, of all its segments together. */
  readonly maxTransfer: number
  /** Bytes of which every segment's address and length is a multiple. */
  readonly granularity: number
}

const DEFAULT_TIMEOUT_MS = 5000
/** Half of what a ring page holds, so that a list often crosses the ring's end. */
const LIST_LENGTH = 64
const RING_SIZE = PAGE_SIZE / DESCRIPTOR_SIZE
/** Bytes of the device's memory that each channel has for itself. */
const WINDOW = 0x1_0000
/** What a window holds before the device's answer arrives, so that an answer that never came is not taken for one. */
const POISON = 0xee

interface Lane {
  readonly list: ListChannel
  readonly aborting: Aborting
  /** The last of its transfers: those of one channel follow one another. */
  last: Promise<unknown>
}

/**
 * sg's lists (docs/devices/sg.md): one command moves a list of segments between memory and the device's own, which BAR 2
 * shows. Two of its channels are used side by side.
 */
export class SgEngine implements DmaEngine {
  readonly name = 'sg'
  readonly abilities: EngineAbilities
  readonly #device: Device
  readonly #memory: DeviceMemory
  readonly #vectors: Vectors
  readonly #rings: RingMemory
  readonly #lanes: readonly Lane[]
  #closed = false

  constructor({ device, frames, addressBits, maxTransfer, granularity }: SgParts) {
    const registers = barOf(device, REGISTERS_BAR)
    this.#device = device
    this.#memory = new DeviceMemory(barOf(device, MEMORY_BAR))
    const vectors = new Vectors(device, LIST_CHANNELS.length + STREAM_CHANNELS.length)
    const memory = new RingMemory(device.dma, frames, LIST_CHANNELS.length)
    this.#vectors = vectors
    this.#rings = memory
    this.#lanes = LIST_CHANNELS.map((channel): Lane => {
      const ring = { offset: channel * PAGE_SIZE, size: RING_SIZE }
      const list = new ListChannel({ channel, registers, clock: device.clock, vectors, memory, ring })
      return { list, aborting: new Aborting(), last: Promise.resolve() }
    })
    this.abilities = {
      maxTransfer: Math.min(maxTransfer, MAX_TRANSFER),
      addressBits,
      completion: vectors.available ? ['poll', 'interrupt'] : ['poll'],
      interrupts: vectors.available,
      listLength: LIST_LENGTH,
      alignment: granularity,
      channels: LIST_CHANNELS.length,
      abort: 'at-once',
      carries: true,
    }
  }

  async write(target: Segments, data: Uint8Array, options: EngineOptions = {}): Promise<void> {
    this.#check(target, data.length)
    await this.#inTurn(options, async (list, window, endable) => {
      let done = 0
      for (const part of commandsOf(target, this.abilities)) {
        this.#memory.put(window, data.subarray(done, done + part.size))
        await this.#run(list, descriptorsOf(part, window, true), endable)
        done += part.size
      }
    })
  }

  async read(source: Segments, options: EngineOptions = {}): Promise<Uint8Array> {
    const received = new Uint8Array(source.size)
    this.#check(source, received.length)
    await this.#inTurn(options, async (list, window, endable) => {
      let done = 0
      for (const part of commandsOf(source, this.abilities)) {
        this.#memory.put(window, new Uint8Array(part.size).fill(POISON))
        await this.#run(list, descriptorsOf(part, window, false), endable)
        received.set(this.#memory.take(window, part.size), done)
        done += part.size
      }
    })
    return received
  }

  async interrupt(options: EngineOptions = {}): Promise<number> {
    return await this.#inTurn(options, (list, _, endable) => list.interrupt(endable))
  }

  async abort(channel = 0, { timeoutMs = DEFAULT_TIMEOUT_MS }: Pick<EngineOptions, 'timeoutMs'> = {}): Promise<void> {
    const { list, aborting, last } = this.#lane(channel)
    list.giveUp()
    aborting.abort()
    await list.registers.rest(this.#device.clock, timeoutMs)
    await last
  }

  idle(channel = 0): boolean {
    return !this.#lane(channel).list.registers.busy
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { aborting } of this.#lanes) aborting.abort()
    let resting = 0
    runAll([
      ...this.#lanes.map(({ list }) => () => {
        unlessGone(() => list.registers.halt())
        resting++
      }),
      () => this.#vectors.close(),
      () => this.#rings.close(resting === this.#lanes.length),
    ])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #run(list: ListChannel, descriptors: readonly Descriptor[], options: EngineOptions): Promise<void> {
    this.#open()
    return list.run(descriptors, options)
  }

  /** Once what was begun on the channel before has ended. @param work gets the channel and its window in device memory */
  #inTurn<T>(
    options: EngineOptions,
    work: (list: ListChannel, window: number, options: EngineOptions) => Promise<T>,
  ): Promise<T> {
    const { channel = 0 } = options
    const lane = this.#lane(channel)
    const before = lane.last
    const result = lane.aborting.run(options, async (endable) => {
      await before
      this.#open()
      return await work(lane.list, channel * WINDOW, endable)
    })
    // Its caller hears of a failure; the next one begins all the same.
    lane.last = result.catch(() => undefined)
    return result
  }

  #lane(channel: number): Lane {
    this.#open()
    const lane = this.#lanes[channel]
    if (lane !== undefined) return lane
    throw new ProbarError(
      'range-outside',
      `sg has the channels 0 to ${this.#lanes.length - 1} for lists, not ${channel}`,
    )
  }

  #open(): void {
    if (this.#closed) throw new ProbarError('closed', 'the engine is closed')
  }

  #check(list: Segments, length: number): void {
    this.#open()
    if (list.size !== length) {
      throw new ProbarError('range-outside', `the list holds ${list.size} bytes, the data ${length}`)
    }
    checkSegments(list, this.abilities)
  }
}

/** @throws ProbarError range-outside for a segment that the device cannot reach or take */
export function checkSegments(
  list: Segments,
  { addressBits, alignment }: Pick<EngineAbilities, 'addressBits' | 'alignment'>,
): void {
  const limit = 1n << BigInt(addressBits)
  for (const { bus, length } of list) {
    if (bus + BigInt(length) > limit) {
      throw new ProbarError(
        'range-outside',
        `sg reaches ${addressBits} address bits, not ${hex(bus)} with ${length} bytes`,
      )
    }
    if ((bus | BigInt(length)) % BigInt(alignment) !== 0n) {
      throw new ProbarError('range-outside', `sg takes multiples of ${alignment} bytes, not ${length} at ${hex(bus)}`)
    }
  }
}

/** @throws ProbarError region-absent */
export function barOf({ regions }: Pick<Device, 'regions'>, index: number): Region {
  const bar = regions.find((region) => region.index === index && region.kind === 'memory')
  if (bar !== undefined) return bar
  throw new ProbarError('region-absent', `sg has a BAR ${index} of memory, which is absent`)
}

function descriptorsOf(part: Segments, window: number, toMemory: boolean): readonly Descriptor[] {
  let at = window
  return [...part].flatMap(({ bus, length }) => {
    const descriptor = { bus, length, toMemory, deviceAddress: at }
    at += length
    return length === 0 ? [] : [descriptor]
  })
}
