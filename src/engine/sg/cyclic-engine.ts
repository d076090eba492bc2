import { sleep } from '../../base/clock.ts'
import { runAll, undoAfter } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Device, Region } from '../../device/contract.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import type {
  ClockRegister,
  CyclicAbilities,
  CyclicBuffer,
  CyclicEngine,
  CyclicOptions,
  CyclicStream,
  SampleFormat,
} from '../cyclic.ts'
import { ChannelRegisters } from './channel-registers.ts'
import { type Descriptor, encodeDescriptors, streamDescriptors } from './descriptors.ts'
import { DeviceMemory } from './device-memory.ts'
import { barOf, checkSegments } from './engine.ts'
import {
  DESCRIPTOR_SIZE,
  GlobalRegister,
  LIST_CHANNELS,
  MAX_RING,
  MEMORY_BAR,
  REGISTERS_BAR,
  STREAM_CHANNELS,
} from './registers.ts'
import { RingMemory } from './ring-memory.ts'
import { SgStream } from './stream.ts'
import { Vectors } from './vectors.ts'

export interface SgCyclicParts {
  readonly device: Device
  readonly frames: FrameStore
  /** Bits of the addresses that the device emits. */
  readonly addressBits: number
  readonly records: CyclicAbilities['records']
}

const RING_BYTES = MAX_RING * DESCRIPTOR_SIZE
/** The rest of the ring is for places inside segments at which the device is to notify. */
const LIST_LENGTH = 224
/** Of the registers for the pace and the position. */
const LARGEST = 0xffff_ffff
/** In which an interrupt that was on its way has arrived. */
const LATE_MS = 1

/** sg's streams (docs/devices/sg.md): two of its channels, each with a buffer of either direction. */
export class SgCyclicEngine implements CyclicEngine {
  readonly name = 'sg'
  readonly abilities: CyclicAbilities
  readonly #device: Device
  readonly #registers: Region
  readonly #memory: DeviceMemory
  readonly #vectors: Vectors
  readonly #rings: RingMemory
  readonly #streams = new Set<SgStream>()
  /** Channels with a stream, or one that is being opened. */
  readonly #taken = new Set<number>()
  readonly #used = new Set<number>()
  #closed = false

  constructor({ device, frames, addressBits, records }: SgCyclicParts) {
    this.#device = device
    this.#registers = barOf(device, REGISTERS_BAR)
    this.#memory = new DeviceMemory(barOf(device, MEMORY_BAR))
    this.#vectors = new Vectors(device, LIST_CHANNELS.length + STREAM_CHANNELS.length)
    this.#rings = new RingMemory(device.dma, frames, (STREAM_CHANNELS.length * RING_BYTES) / PAGE_SIZE)
    this.abilities = {
      directions: ['output', 'input'],
      addressBits,
      alignment: 1,
      smallest: 1,
      listLength: LIST_LENGTH,
      notifications: this.#vectors.available,
      accuracy: 0,
      records,
      tap: true,
    }
  }

  async open(buffer: CyclicBuffer, { signal }: CyclicOptions = {}): Promise<CyclicStream> {
    this.#requireOpen()
    const descriptors = this.#describe(buffer)
    if ((buffer.notifyAt ?? []).length > 0) this.#vectors.arm()
    const channel = this.#takeChannel()
    try {
      // What the channel's last user did not wait for must not count for this one.
      if (this.#used.has(channel)) await sleep(this.#device.clock, LATE_MS, signal)
      this.#requireOpen()
      const stream = this.#streamOn(channel, buffer, descriptors)
      this.#streams.add(stream)
      return stream
    } catch (error) {
      return undoAfter(error, [() => void this.#taken.delete(channel)])
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const streams = [...this.#streams]
    let resting = 0
    runAll([
      ...streams.map((stream) => () => {
        stream.close()
        resting++
      }),
      () => this.#vectors.close(),
      () => this.#rings.close(resting === streams.length),
    ])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #describe({ segments, format, notifyAt = [] }: CyclicBuffer): readonly Descriptor[] {
    checkSegments(segments, this.abilities)
    const { size, count } = segments
    const { rate, frame } = paceOf(format)
    if (rate < 1 || rate > LARGEST) throw outside(`${rate} bytes a second is no pace for it`)
    if (size < 1 || size > LARGEST || size % frame !== 0) {
      throw outside(`a buffer of ${size} bytes holds no whole number of sample frames of ${frame} bytes`)
    }
    if (segments.lengths.includes(0)) throw outside('a segment of a buffer has at least a byte')
    if (count > LIST_LENGTH) throw outside(`a buffer has at most ${LIST_LENGTH} segments, not ${count}`)
    for (const [index, offset] of notifyAt.entries()) {
      const ascending = offset > (notifyAt[index - 1] ?? 0)
      if (!Number.isInteger(offset) || !ascending || offset > size) {
        throw outside(`it notifies at ascending offsets above 0 and at most ${size}, not at ${notifyAt.join(', ')}`)
      }
    }
    const descriptors = streamDescriptors(segments, notifyAt)
    if (descriptors.length > MAX_RING) {
      throw outside(`segments and places to notify at are ${descriptors.length} descriptors; a ring has ${MAX_RING}`)
    }
    return descriptors
  }

  #takeChannel(): number {
    const channel = STREAM_CHANNELS.find((one) => !this.#taken.has(one))
    if (channel === undefined) {
      throw new ProbarError('capability-missing', `all ${STREAM_CHANNELS.length} streams of sg are in use: close one`)
    }
    this.#taken.add(channel)
    return channel
  }

  #streamOn(channel: number, buffer: CyclicBuffer, descriptors: readonly Descriptor[]): SgStream {
    const { direction, format, notifyAt = [], segments } = buffer
    const ring = (channel - LIST_CHANNELS.length) * RING_BYTES
    this.#rings.write(ring, encodeDescriptors(descriptors))
    this.#used.add(channel)
    const stream: SgStream = new SgStream({
      channel,
      registers: new ChannelRegisters(this.#registers, channel),
      memory: this.#memory,
      vectors: this.#vectors,
      clock: this.#device.clock,
      clockRegister: this.#clockRegister(),
      setup: {
        ...paceOf(format),
        direction,
        size: segments.size,
        ringBase: this.#rings.at(ring),
        ringSize: descriptors.length,
        notifies: notifyAt.length > 0,
      },
      closed: () => {
        this.#streams.delete(stream)
        this.#taken.delete(channel)
      },
    })
    return stream
  }

  #clockRegister(): ClockRegister {
    const frequency = BigInt(this.#registers.read32(GlobalRegister.clockFrequency))
    const { clock: offset } = GlobalRegister
    return { region: REGISTERS_BAR, offset, width: 64, numerator: frequency, denominator: 1n, accuracy: 1 }
  }

  #requireOpen(): void {
    if (this.#closed) throw new ProbarError('closed', 'the engine is closed')
  }
}

/** Bytes a second, and bytes of a sample frame. */
function paceOf({ rate, channels, bits }: SampleFormat): { readonly rate: number; readonly frame: number } {
  const frame = (channels * bits) / 8
  return { rate: rate * frame, frame }
}

const outside = (message: string): ProbarError => new ProbarError('range-outside', message)
