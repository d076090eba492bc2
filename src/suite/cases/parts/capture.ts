import { PAGE_SIZE } from '../../../base/pages.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import type { Segments } from '../../../device/segments.ts'
import type { StreamIrp } from '../../../ddi/ks/stream-irp.ts'
import type { DmaEngine, EngineAbilities, EngineOptions } from '../../../engine/contract.ts'
import { GUARD_BYTE, orderPattern } from '../../../memory/patterns.ts'
import type { CaptureMiniport, CaptureParts, FrameSource } from '../../../miniport/capture/parts.ts'
import type { Context } from '../../context.ts'
import { mapSystem } from './buffers.ts'
import { type GuardedPages, allocateGuarded } from './scattered.ts'

/** The capture pin under test, its client, and the frames that its device captures. */

/** A frame of the device: its number and every offset in it can be told from the bytes. */
export const captured = (number: number, bytes: number): Uint8Array => orderPattern(bytes, 100 + number)

/** Frames of these sizes, numbered from 0. */
export function framesOf(sizes: readonly number[]): FrameSource {
  const left = sizes.map((size, number) => captured(number, size))
  return { next: () => left.shift() }
}

/** What the client queued: pages that lie apart, with nothing but guard bytes in and between them. */
export class ClientBuffer {
  readonly irp: StreamIrp
  readonly #context: Context
  readonly #pages: GuardedPages
  readonly #view: ReturnType<typeof mapSystem>
  readonly #size: number

  /** @param completed called when the client gets the buffer back */
  constructor(context: Context, pin: CaptureMiniport, extent: number, completed: (buffer: ClientBuffer) => void) {
    const pages = Math.max(1, Math.ceil(extent / PAGE_SIZE))
    this.#context = context
    this.#pages = allocateGuarded(context, pages)
    this.#size = pages * PAGE_SIZE
    this.#view = mapSystem(context, this.#pages.payload)
    this.clear()
    const frame = { Mdl: this.#pages.payload, FrameExtent: extent }
    this.irp = context.ddi.ks.queueFrames(pin.pin, [frame], () => completed(this))
  }

  /** DataUsed as the client gets it; -1 before. */
  get used(): number {
    return this.irp.headers[0]?.DataUsed ?? -1
  }

  get pending(): boolean {
    return this.irp.IoStatus.Status === NtStatus.STATUS_PENDING
  }

  /** Nothing but guard bytes, as at first. */
  clear(): void {
    this.#context.kernel.memory.fill(this.#view, this.#size, GUARD_BYTE)
  }

  bytes(): Uint8Array {
    return this.#context.kernel.memory.read(this.#view, this.#size)
  }

  /** It holds these bytes and no others, and the pages beside are as they were. */
  check(frame: Uint8Array, what: string): void {
    const expected = new Uint8Array(this.#size).fill(GUARD_BYTE)
    expected.set(frame)
    this.#context.check.bytes(this.bytes(), expected, what)
    this.#pages.checkGuards()
  }

  /** The frame is complete, its client knows how much of it there is, and that is there. */
  checkComplete(frame: Uint8Array, what: string): void {
    const { check } = this.#context
    check.equal(this.irp.IoStatus.Status, NtStatus.STATUS_SUCCESS, `${what}, status`)
    check.equal(this.used, frame.length, `${what}, DataUsed`)
    this.check(frame, what)
  }

  release(): void {
    this.#pages.release()
  }
}

/** Opens the minidriver under test. */
export type OpenCapture = (parts: CaptureParts) => CaptureMiniport

export interface ClientOptions {
  readonly engine?: DmaEngine
  readonly maxMappingsByteCount?: number
}

export class CaptureClient {
  readonly pin: CaptureMiniport
  readonly #context: Context
  readonly #buffers: ClientBuffer[] = []

  /** @param open the minidriver's start and its pin's */
  constructor(context: Context, open: OpenCapture, options: ClientOptions = {}) {
    const { ddi, kernel, device, engine, signal } = context
    this.#context = context
    this.pin = open({ ddi, kernel, device, engine, signal, ...options })
  }

  /** @param completed called when the client gets it back */
  queue(extent: number, completed: (buffer: ClientBuffer) => void = () => undefined): ClientBuffer {
    const buffer = new ClientBuffer(this.#context, this.pin, extent, completed)
    this.#buffers.push(buffer)
    return buffer
  }

  /** Closes the pin and gives all memory back. */
  async close(): Promise<void> {
    await this.pin.close()
    for (const buffer of this.#buffers.splice(0)) buffer.release()
  }
}

/** Looks for the device to begin; what a transfer needs to begin are jobs, no time. */
const LOOKS = 50

/** The engine, and something that happens as soon as the device is busy with a command. */
export class WatchedEngine implements DmaEngine {
  readonly name: string
  readonly abilities: EngineAbilities
  /** What each command was about, in the order in which they were begun. */
  readonly commands: Segments[] = []
  readonly #engine: DmaEngine
  readonly #busy: (commands: number) => void

  /**
   * @param busy called once for each command with how many there were
   * @param listLength segments of one command, where it is to be less than the device takes
   */
  constructor(engine: DmaEngine, busy: (commands: number) => void, listLength = engine.abilities.listLength) {
    this.name = engine.name
    this.abilities = { ...engine.abilities, listLength }
    this.#engine = engine
    this.#busy = busy
  }

  async write(target: Segments, data: Uint8Array, options: EngineOptions = {}): Promise<void> {
    const commands = this.commands.push(target)
    const done = this.#engine.write(target, data, options)
    await Promise.all([done, this.#tell(commands, options.channel)])
  }

  async #tell(commands: number, channel = 0): Promise<void> {
    for (let look = 0; look < LOOKS && this.#engine.idle(channel); look++) await Promise.resolve()
    this.#busy(commands)
  }

  read(source: Segments, options?: EngineOptions): Promise<Uint8Array> {
    return this.#engine.read(source, options)
  }

  interrupt(options?: EngineOptions): Promise<number> {
    return this.#engine.interrupt(options)
  }

  abort(channel?: number, options?: Pick<EngineOptions, 'timeoutMs'>): Promise<void> {
    return this.#engine.abort(channel, options)
  }

  idle(channel?: number): boolean {
    return this.#engine.idle(channel)
  }

  /** The session closes what is behind it. */
  close(): void {}

  [Symbol.dispose](): void {
    this.close()
  }
}
