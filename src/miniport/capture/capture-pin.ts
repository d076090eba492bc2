import { runAll, undoAfter } from '../../base/disposal.ts'
import { ProbarError, codeOf } from '../../base/errors.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import type { Out } from '../../ddi/constants.ts'
import type { DmaAdapter } from '../../ddi/dma/adapter.ts'
import { KSPIN_DATAFLOW, KSPIN_FLAG, KSSTREAM_POINTER_STATE } from '../../ddi/ks/constants.ts'
import type { KsPin } from '../../ddi/ks/pin.ts'
import type { KsStreamPointer } from '../../ddi/ks/pointers/stream-pointer.ts'
import { registerCaptureAdapter, requireCapturing } from './adapter.ts'
import { CLONE_CONTEXT_SIZE, FrameInFlight, type Piece, channelOf } from './frame-in-flight.ts'
import type { CaptureMiniport, CaptureParts, FrameSource } from './parts.ts'

const { KSSTREAM_POINTER_STATE_LOCKED: LOCKED } = KSSTREAM_POINTER_STATE
const DESCRIPTOR = { Flags: KSPIN_FLAG.KSPIN_FLAG_GENERATE_MAPPINGS, DataFlow: KSPIN_DATAFLOW.KSPIN_DATAFLOW_OUT }
const DEFAULT_TIMEOUT_MS = 5000
/** Between two looks at the device at DISPATCH_LEVEL. */
const STALL_MS = 1

/**
 * A reference minidriver: a capture pin on a bus master with scatter/gather, over any engine that carries bytes.
 *
 * Each frame that the device has goes to the first one that a client queued: the leading edge is locked, so that AVStream
 * makes the mapping table (KSM-026), cloned with a context (KSM-042, KSM-043), and sent on; so several frames are in flight
 * where the device has channels. The device gets one descriptor an entry (KSM-020), a list at once where it takes lists.
 * What it reports done is counted in bytes in DataUsed (KSM-037) and in entries by KsStreamPointerAdvanceOffsets (KSM-031).
 * The frame is complete when the clone is deleted (KSM-044), and that is only after the device came to rest (KSM-047).
 *
 * Between two reports the clone is unlocked, so a client may cancel at any time; the cancel callback stops the device.
 */
export class CapturePin implements CaptureMiniport {
  readonly pin: KsPin
  readonly #parts: CaptureParts
  readonly #adapter: DmaAdapter
  readonly #flights = new Map<number, FrameInFlight>()
  #failures: unknown[] = []
  #dropped = 0
  #running = true
  #closed = false

  private constructor(parts: CaptureParts, adapter: DmaAdapter, pin: KsPin) {
    this.#parts = parts
    this.#adapter = adapter
    this.pin = pin
  }

  /** A pin that runs. @throws ProbarError capability-missing; NtStatusError STATUS_INSUFFICIENT_RESOURCES */
  static open(parts: CaptureParts): CapturePin {
    requireCapturing(parts.engine.abilities)
    const { ddi } = parts
    const adapter = registerCaptureAdapter(parts)
    try {
      const pin = ddi.ks.openPin(DESCRIPTOR)
      if (pin !== null) return new CapturePin(parts, adapter, pin)
      throw new ProbarError('out-of-memory', 'the pool has no room for a pin')
    } catch (error) {
      return undoAfter(error, [() => ddi.dma.PutDmaAdapter(adapter)])
    }
  }

  get dropped(): number {
    return this.#dropped
  }

  get inFlight(): number {
    return this.#flights.size
  }

  capture(frame: Uint8Array): boolean {
    if (!this.#running) throw new ProbarError('closed', 'the pin is stopped: start it before frames are captured')
    const channel = this.#freeChannel()
    const flight = channel === undefined ? undefined : this.#takeFrame(channel, frame)
    if (flight === undefined) this.#dropped++
    else flight.ended = this.#carry(flight)
    return flight !== undefined
  }

  async run(source: FrameSource): Promise<void> {
    for (let frame = await source.next(); frame !== undefined; frame = await source.next()) {
      await this.#channelFree()
      if (!this.#running) break
      this.capture(frame)
    }
    await this.settled()
  }

  async settled(): Promise<void> {
    // A client may have the device begin the next frame while the one before is completed.
    for (let busy = this.#busy(); busy.length > 0; busy = this.#busy()) await Promise.all(busy)
    this.#throwFailures()
  }

  start(): void {
    if (this.#closed) throw new ProbarError('closed', 'the pin is closed')
    this.#running = true
  }

  async stop(): Promise<void> {
    this.#running = false
    for (const flight of this.#flights.values()) this.#abort(flight)
    await this.settled()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const { ks, dma } = this.#parts.ddi
    const failures: unknown[] = []
    await this.stop().catch((error: unknown) => failures.push(error))
    this.#closed = true
    const end = [() => ks.closePin(this.pin), () => dma.PutDmaAdapter(this.#adapter)]
    if (failures.length > 0) undoAfter(failures[0], end)
    runAll(end)
  }

  /** @throws what failed meanwhile; ProbarError timeout when no channel ever will be */
  async #channelFree(): Promise<void> {
    while (this.#running && this.#freeChannel() === undefined) {
      const busy = this.#busy()
      if (busy.length === 0) throw new ProbarError('timeout', 'the device does not come to rest; reset it')
      await Promise.race(busy)
      this.#throwFailures()
    }
  }

  /** The ends of the frames that will have one. */
  #busy(): readonly Promise<void>[] {
    return [...this.#flights.values()].filter(({ stuck }) => !stuck).map(({ ended }) => ended)
  }

  #freeChannel(): number | undefined {
    const { channels } = this.#parts.engine.abilities
    for (let channel = 0; channel < channels; channel++) if (!this.#flights.has(channel)) return channel
    return undefined
  }

  /** The first queued frame, kept by a clone; the leading edge goes on to the next. undefined when there is none. */
  #takeFrame(channel: number, captured: Uint8Array): FrameInFlight | undefined {
    const { ddi, kernel } = this.#parts
    const leading = ddi.ks.KsPinGetLeadingEdgeStreamPointer(this.pin, LOCKED)
    if (leading === null) return undefined
    const cloned: Out<KsStreamPointer> = {}
    const status = ddi.ks.KsStreamPointerClone(leading, this.#cancel, CLONE_CONTEXT_SIZE, cloned)
    if (!NT_SUCCESS(status) || cloned.value === undefined) {
      ddi.ks.KsStreamPointerUnlock(leading, false)
      return undefined
    }
    const flight = new FrameInFlight(kernel, cloned.value, channel, captured)
    this.#flights.set(channel, flight)
    ddi.ks.KsStreamPointerUnlock(flight.clone, false)
    ddi.ks.KsStreamPointerUnlock(leading, true)
    return flight
  }

  /** Never rejects: what went wrong is for whoever waits for the pin. */
  async #carry(flight: FrameInFlight): Promise<void> {
    try {
      const status = await this.#deliver(flight)
      await this.#atRest(flight)
      // Before the frame is complete: its client may have the device begin the next one at once.
      this.#flights.delete(flight.channel)
      if (!flight.deleted) this.#complete(flight, status)
    } catch (error) {
      flight.stuck = this.#flights.get(flight.channel) === flight
      this.#failures.push(error)
    }
  }

  /** Until all was delivered, or the frame is to end before. With what it is to be completed. */
  async #deliver(flight: FrameInFlight): Promise<NtStatus> {
    const { engine, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = this.#parts
    const options = { channel: flight.channel, timeoutMs, ...(signal && { signal }) }
    for (const piece of flight.pieces(engine.abilities.listLength)) {
      try {
        await engine.write(piece.target, piece.bytes, options)
      } catch (error) {
        return this.#refused(flight, error)
      }
      // Cancelled or stopped meanwhile; of the former the memory is gone, of the latter the bytes are there.
      if (flight.cancelled || !this.#report(flight, piece)) return NtStatus.STATUS_CANCELLED
      if (flight.aborting !== undefined) break
    }
    return NtStatus.STATUS_SUCCESS
  }

  /** The device did not do it, or gave up because it was told to. */
  #refused(flight: FrameInFlight, error: unknown): NtStatus {
    if (flight.aborting !== undefined && codeOf(error) === 'cancelled') return NtStatus.STATUS_SUCCESS
    this.#abort(flight)
    this.#failures.push(error)
    return statusOf(error)
  }

  /** Counts a piece. The last entry of a frame is left to the deletion: the clone has no business in the next frame (KSM-033). */
  #report(flight: FrameInFlight, piece: Piece): boolean {
    const { ks } = this.#parts.ddi
    const { clone } = flight
    if (!NT_SUCCESS(ks.KsStreamPointerLock(clone))) return false
    flight.landed(piece)
    const entries = piece.target.count
    if (entries < clone.OffsetOut.Remaining) ks.KsStreamPointerAdvanceOffsets(clone, 0, entries, false)
    ks.KsStreamPointerUnlock(clone, false)
    return true
  }

  #complete({ clone }: FrameInFlight, status: NtStatus): void {
    const { ks } = this.#parts.ddi
    if (status !== NtStatus.STATUS_SUCCESS) ks.KsStreamPointerSetStatusCode(clone, status)
    ks.KsStreamPointerDelete(clone)
  }

  /**
   * PFNKSSTREAMPOINTER, at DISPATCH_LEVEL with the queue's lock held: once it has returned the frame's memory is the
   * client's. So it stays until the device is at rest, and touches nothing but the device and the clone (KSM-046, KSM-047).
   */
  readonly #cancel = (clone: KsStreamPointer): void => {
    const flight = this.#flights.get(channelOf(clone))
    if (flight?.clone !== clone) throw new ProbarError('internal', 'a clone was cancelled that is on no channel')
    flight.cancelled = true
    this.#abort(flight)
    if (!this.#stall(flight.channel)) {
      this.#failures.push(restless(flight.channel))
      return
    }
    flight.deleted = true
    this.#parts.ddi.ks.KsStreamPointerDelete(clone)
  }

  /** Until the device is at rest; false when it does not come to rest. */
  #stall(channel: number): boolean {
    const { device, engine, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#parts
    const deadline = device.clock.now() + timeoutMs
    while (!engine.idle(channel)) {
      if (device.clock.now() >= deadline) return false
      device.clock.pass(STALL_MS)
    }
    return true
  }

  /** Tells the device to end what it does for the frame. Once is enough. */
  #abort(flight: FrameInFlight): void {
    if (flight.aborting !== undefined) return
    const { engine, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#parts
    flight.aborting = engine.abort(flight.channel, { timeoutMs })
    // It is awaited where the frame ends; until then its failure is nobody's.
    flight.aborting.catch(() => undefined)
  }

  /** Before a frame may be complete (KSM-047). @throws ProbarError timeout when the device does not come to rest */
  async #atRest({ aborting, channel }: FrameInFlight): Promise<void> {
    await aborting
    if (this.#parts.engine.idle(channel)) return
    throw restless(channel)
  }

  #throwFailures(): void {
    const failures = this.#failures
    this.#failures = []
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} frames failed`)
  }
}

const restless = (channel: number): ProbarError =>
  new ProbarError('timeout', `channel ${channel} still moves bytes of a frame that has ended; reset the device`)

function statusOf(error: unknown): NtStatus {
  switch (codeOf(error)) {
    case 'timeout':
      return NtStatus.STATUS_IO_TIMEOUT
    case 'cancelled':
      return NtStatus.STATUS_CANCELLED
    default:
      return NtStatus.STATUS_IO_DEVICE_ERROR
  }
}
