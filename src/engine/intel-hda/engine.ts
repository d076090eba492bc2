import { ProbarError } from '../../base/errors.ts'
import { runAll, undoAfter } from '../../base/disposal.ts'
import type { Device, Region } from '../../device/contract.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import type {
  CyclicAbilities,
  CyclicBuffer,
  CyclicEngine,
  CyclicOptions,
  CyclicStream,
  Direction,
  SampleFormat,
} from '../cyclic.ts'
import { findRoutes, routeDelay, type Route, takesFormat } from './codec/route.ts'
import { Controller } from './controller.ts'
import {
  describeBuffer,
  type Descriptor,
  encodeDescriptors,
  MAX_DESCRIPTORS,
  SMALLEST_BUFFER,
} from './descriptor-list.ts'
import { encodeFormat, frameBytes, linkFrameBytes } from './format.ts'
import { StreamInterrupts } from './interrupts.ts'
import { OwnPage } from './own-pages.ts'
import { unlessGone } from './leaving.ts'
import { ALIGNMENT } from './registers.ts'
import { HdaStream, type StreamOwner } from './stream.ts'

export interface HdaParts {
  readonly device: Device
  readonly frames: FrameStore
  /** Bits of the addresses that the controller emits, as its profile says. */
  readonly addressBits: number
  readonly records: CyclicAbilities['records']
  /** It begins at the buffer's start after a pause. */
  readonly restarts?: true | undefined
}

/** What an open stream holds besides its buffer. */
interface Held {
  readonly route: Route
  /** Of its descriptor list. */
  readonly page: OwnPage
  /** 1 to 15; input and output count by themselves. */
  readonly number: number
}

/** The widest link frame: 16 channels of 32 bits, four a frame at 192 kHz. */
const WIDEST_LINK_FRAME = linkFrameBytes({ rate: 192_000, channels: 16, bits: 32 })
const MAX_STREAM_NUMBER = 15

/**
 * A sound controller of class 0403, after the High Definition Audio Specification 1.0a. The controller is reset and its
 * codecs are looked at when it is first asked for anything, its abilities included. Each wait for the controller has a limit
 * of its own, 100 ms, whatever time its caller allows.
 */
export class HdaEngine implements CyclicEngine {
  readonly name = 'intel-hda'
  readonly #parts: HdaParts
  readonly #registers: Region
  readonly #page: OwnPage
  readonly #interrupts: StreamInterrupts
  readonly #streams = new Map<HdaStream, Held>()
  #controller: Controller | undefined
  #abilities: CyclicAbilities | undefined
  #closed = false

  constructor(parts: HdaParts) {
    const registers = parts.device.regions.find(({ index }) => index === 0)
    if (registers === undefined) {
      throw new ProbarError('region-absent', 'a sound controller has its registers in BAR 0, which is absent')
    }
    this.#parts = parts
    this.#registers = registers
    this.#page = new OwnPage(parts.device.dma, parts.frames)
    this.#interrupts = new StreamInterrupts(
      parts.device,
      () => this.#serve(),
      (error) => this.#fail(error),
    )
  }

  get abilities(): CyclicAbilities {
    this.#abilities ??= this.#findAbilities()
    return this.#abilities
  }

  async open(buffer: CyclicBuffer, { signal }: CyclicOptions = {}): Promise<CyclicStream> {
    if (signal?.aborted === true) throw new ProbarError('cancelled', 'it was cancelled', { cause: signal.reason })
    const controller = this.#started()
    const { direction, format, notifyAt = [], segments } = buffer
    const value = encodeFormat(format)
    const list = describeBuffer(segments, notifyAt, this.#parts.addressBits)
    checkFrames(segments.size, format)
    if (notifyAt.length > 0 && !this.#interrupts.available) {
      throw new ProbarError('capability-missing', 'the device has no interrupt here, so nothing can be announced')
    }
    const route = this.#freeRoute(direction, format)
    const index = this.#freeDescriptor(direction)
    const number = this.#freeNumber(direction)
    const page = this.#listPage(list)
    const turnedOut = direction === 'output' && controller.isEither(index)
    const { size } = segments
    const setup = { number, turnedOut, format: value, listBus: page.bus, listLength: list.length, size }
    const notifies = notifyAt.length > 0
    const [linkFrame, codecDelay] = [linkFrameBytes(format), routeDelay(route, format)]
    try {
      controller.take(route, number, value)
      const stream = new HdaStream({ owner: this.#owner(), index, setup, notifies, linkFrame, codecDelay })
      this.#streams.set(stream, { route, page, number })
      return stream
    } catch (error) {
      return undoAfter(error, [() => unlessGone(() => controller.release(route)), () => page.close()])
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const streams = [...this.#streams]
    runAll([
      () => this.#interrupts.close(),
      ...streams.map(
        ([stream]) =>
          () =>
            unlessGone(() => stream.close()),
      ),
      () => unlessGone(() => this.#controller?.shut()),
      ...streams.map(
        ([, { page }]) =>
          () =>
            page.close(),
      ),
      () => this.#page.close(),
    ])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #started(): Controller {
    if (this.#closed) throw new ProbarError('closed', 'the engine is closed')
    this.#controller ??= Controller.start(this.#registers, this.#page, this.#parts.addressBits)
    return this.#controller
  }

  #findAbilities(): CyclicAbilities {
    const controller = this.#started()
    const directions = (['output', 'input'] as const).filter(
      (direction) =>
        controller.descriptors(direction).length > 0 && findRoutes(controller.functions, direction).length > 0,
    )
    return {
      directions,
      addressBits: this.#parts.addressBits,
      alignment: ALIGNMENT,
      smallest: SMALLEST_BUFFER,
      listLength: MAX_DESCRIPTORS,
      notifications: this.#interrupts.available,
      accuracy: controller.largestFifo() + WIDEST_LINK_FRAME,
      records: this.#parts.records,
      tap: false,
      ...(this.#parts.restarts === true && { restarts: true }),
    }
  }

  /** The best way that no open stream goes. */
  #freeRoute(direction: Direction, format: SampleFormat): Route {
    const routes = findRoutes(this.#started().functions, direction)
    if (routes.length === 0) {
      const text = `no codec has a way from ${direction === 'output' ? 'a converter to a pin' : 'a pin to a converter'}`
      throw new ProbarError('capability-missing', `${text}: the device has no ${direction}`)
    }
    const fitting = routes.filter((route) => takesFormat(route, format))
    if (fitting.length === 0) {
      const { rate, channels, bits } = format
      const text = `no converter for ${direction} takes ${channels} channels of ${bits} bits at ${rate} Hz`
      throw new ProbarError('range-outside', `${text}: use another sample format`)
    }
    const taken = new Set([...this.#streams.values()].flatMap(({ route }) => route.steps.map(nodeOf(route))))
    const free = fitting.find((route) => !route.steps.map(nodeOf(route)).some((node) => taken.has(node)))
    if (free !== undefined) return free
    throw new ProbarError(
      'capability-missing',
      `all ways for ${direction} through the codecs are in use: close a stream`,
    )
  }

  #freeDescriptor(direction: Direction): number {
    const taken = new Set([...this.#streams.keys()].map(({ index }) => index))
    const index = this.#started()
      .descriptors(direction)
      .find((one) => !taken.has(one))
    if (index !== undefined) return index
    throw new ProbarError('capability-missing', `all streams for ${direction} are in use: close one`)
  }

  #freeNumber(direction: Direction): number {
    const held = [...this.#streams.values()].filter(({ route }) => route.direction === direction)
    const taken = new Set(held.map(({ number }) => number))
    for (let number = 1; number <= MAX_STREAM_NUMBER; number++) if (!taken.has(number)) return number
    throw new ProbarError('capability-missing', `all ${MAX_STREAM_NUMBER} numbers of streams are in use: close one`)
  }

  #listPage(list: readonly Descriptor[]): OwnPage {
    const page = new OwnPage(this.#parts.device.dma, this.#parts.frames)
    page.write(0, encodeDescriptors(list))
    return page
  }

  #owner(): StreamOwner {
    const controller = this.#started()
    return {
      device: this.#parts.device,
      registers: this.#registers,
      clockRegister: controller.clockRegister,
      running: (stream, interrupts) => {
        if (!interrupts) return
        this.#interrupts.want(stream)
        controller.allowInterrupt(stream.index, true)
      },
      resting: (stream) => {
        controller.allowInterrupt(stream.index, false)
        this.#interrupts.release(stream)
      },
      memoryPosition: (index) => controller.memoryPosition(index),
      closed: (stream) => this.#forget(stream),
    }
  }

  /** A closing engine resets the controller and gives the pages back after that. */
  #forget(stream: HdaStream): void {
    const held = this.#streams.get(stream)
    if (this.#closed || held === undefined) return
    this.#streams.delete(stream)
    const { controller, interrupts } = { controller: this.#started(), interrupts: this.#interrupts }
    runAll([
      () => unlessGone(() => controller.allowInterrupt(stream.index, false)),
      () => interrupts.release(stream),
      () => unlessGone(() => controller.release(held.route)),
      () => held.page.close(),
    ])
  }

  #serve(): void {
    const streams = [...this.#streams.keys()]
    try {
      this.#started().serveInterrupts((index) => streams.find((stream) => stream.index === index)?.serve())
    } catch (error) {
      const failure =
        error instanceof ProbarError
          ? error
          : new ProbarError('internal', 'no interrupt can be served', { cause: error })
      this.#fail(failure)
    }
  }

  #fail(error: ProbarError): void {
    for (const stream of this.#streams.keys()) stream.fail(error)
  }
}

const nodeOf =
  ({ audio }: Route) =>
  ({ widget }: Route['steps'][number]): string =>
    `${audio.codec}:${widget.node}`

function checkFrames(size: number, format: SampleFormat): void {
  const frame = frameBytes(format)
  if (size % frame === 0) return
  throw new ProbarError('range-outside', `${size} bytes hold no whole number of sample frames of ${frame} bytes`)
}
