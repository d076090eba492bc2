import { Disposal } from '../../base/disposal.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { KEvent } from '../kernel/event.ts'
import { KSAUDIO_POSITION, KSRTAUDIO_HWLATENCY, KSRTAUDIO_HWREGISTER } from '../layout/x64-portcls.ts'
import { type BufferParts, type BufferRequest, type PinBuffer, allocateBuffer, freeBuffer } from './pin-buffer.ts'
import {
  type AudioPosition,
  type DataFormat,
  type HwLatency,
  type HwRegister,
  type IMiniportWaveRTStream,
  KSSTATE,
  hasNotifications,
} from './interfaces.ts'

export interface PinParts extends BufferParts {
  readonly format: DataFormat
  /** Called once the pin is closed. */
  readonly onClose: () => void
}

const STATES: readonly number[] = Object.values(KSSTATE)

/**
 * A pin of the WaveRT port: what portcls does for a client with a miniport's stream, and what it demands of it. Where a
 * miniport breaks its contract, a call ends in an error of its caller that names the rule. The miniport sees one call at a time: one that
 * comes while another one waits for the device waits for that.
 */
export class WaveRTPin {
  /** The miniport's. */
  readonly stream: IMiniportWaveRTStream
  readonly #parts: PinParts
  readonly #position: AudioPosition
  readonly #latency: HwLatency
  readonly #registers = new Map<'position' | 'clock', HwRegister>()
  readonly #events = new Set<KEvent>()
  #buffer: PinBuffer | undefined
  #state: KSSTATE = KSSTATE.KSSTATE_STOP
  /** Settles when the call that came last has ended. */
  #turn: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
  #closed = false

  constructor(parts: PinParts) {
    this.#parts = parts
    this.stream = parts.stream
    this.#position = parts.kernel.pool.allocateStruct(KSAUDIO_POSITION)
    this.#latency = parts.kernel.pool.allocateStruct(KSRTAUDIO_HWLATENCY)
  }

  get state(): KSSTATE {
    return this.#state
  }

  /** Until it is freed. */
  get buffer(): PinBuffer | undefined {
    return this.#buffer
  }

  /**
   * KSPROPERTY_CONNECTION_STATE: one step to a neighbouring state; the state that it has is no step (WRT-035).
   * @returns what the miniport returned; the state stays then, unless it is a success
   * @throws CallerError WRT-035 for a state that is no neighbour; the miniport does not hear of it
   */
  async setState(State: KSSTATE): Promise<NtStatus> {
    this.#enter('SetState', 'WRT-035')
    return this.#inTurn('SetState', 'WRT-035', () => this.#step(State))
  }

  async #step(State: KSSTATE): Promise<NtStatus> {
    if (State === this.#state) return NtStatus.STATUS_SUCCESS
    if (!STATES.includes(State) || Math.abs(State - this.#state) !== 1) {
      const text = `from state ${this.#state} there is no step to ${State}`
      this.#parts.kernel.ledger.raise({ rule: 'WRT-035', routine: 'SetState', text })
    }
    const status = await this.stream.SetState(State)
    if (NT_SUCCESS(status)) this.#state = State
    return status
  }

  /**
   * KSPROPERTY_RTAUDIO_BUFFER and KSPROPERTY_RTAUDIO_BUFFER_WITH_NOTIFICATION. There is one buffer at a time.
   * @param buffer untouched unless the status is a success
   * @returns STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED for notifications that the stream does not have; what the
   *   miniport returned; what mapping it into the client raised
   * @throws CallerError when the miniport breaks WRT-030 to WRT-033
   */
  async allocateBuffer(request: BufferRequest, buffer: Out<PinBuffer> = {}): Promise<NtStatus> {
    this.#enter('AllocateAudioBuffer', 'WRT-030')
    return this.#inTurn('AllocateAudioBuffer', 'WRT-030', () => this.#allocate(request, buffer))
  }

  async #allocate(request: BufferRequest, buffer: Out<PinBuffer>): Promise<NtStatus> {
    if (this.#buffer !== undefined || this.#state !== KSSTATE.KSSTATE_STOP) {
      return NtStatus.STATUS_INVALID_DEVICE_REQUEST
    }
    const made: Out<PinBuffer> = {}
    const status = await allocateBuffer(this.#parts, request, made)
    if (made.value === undefined) return status
    this.#buffer = made.value
    buffer.value = made.value
    return status
  }

  /** Frees the buffer, in STOP. */
  async freeBuffer(): Promise<NtStatus> {
    this.#enter('FreeAudioBuffer', 'WRT-030')
    return this.#inTurn('FreeAudioBuffer', 'WRT-030', () => this.#free())
  }

  async #free(): Promise<NtStatus> {
    const buffer = this.#buffer
    if (buffer === undefined || this.#state !== KSSTATE.KSSTATE_STOP) return NtStatus.STATUS_INVALID_DEVICE_REQUEST
    this.#buffer = undefined
    await freeBuffer(this.#parts, buffer)
    return NtStatus.STATUS_SUCCESS
  }

  /**
   * KSPROPERTY_AUDIO_POSITION, at DISPATCH_LEVEL too: bytes from the buffer's start.
   * @throws CallerError WRT-036 when one of them is not below the buffer's size
   */
  position(): { readonly PlayOffset: number; readonly WriteOffset: number } {
    const { kernel } = this.#parts
    const routine = 'GetPosition'
    kernel.requireIrql(routine, 'WRT-036', KIRQL.DISPATCH_LEVEL)
    this.#requireOpen(routine, 'WRT-036')
    const status = this.stream.GetPosition(this.#position)
    const raise = (text: string): never => kernel.ledger.raise({ rule: 'WRT-036', routine, text })
    if (!NT_SUCCESS(status)) return raise(`the miniport returned 0x${status.toString(16)}`)
    const [PlayOffset, WriteOffset] = [this.#position.get('PlayOffset'), this.#position.get('WriteOffset')]
    const size = BigInt(this.#buffer?.actualSize ?? 1)
    if (PlayOffset >= size || WriteOffset >= size) raise(`${PlayOffset} and ${WriteOffset} of ${size} bytes`)
    return { PlayOffset: Number(PlayOffset), WriteOffset: Number(WriteOffset) }
  }

  /** KSPROPERTY_RTAUDIO_HWLATENCY. The structure is the pin's. */
  latency(): HwLatency {
    this.#enter('GetHWLatency', 'WRT-041')
    this.stream.GetHWLatency(this.#latency)
    return this.#latency
  }

  /**
   * KSPROPERTY_RTAUDIO_POSITIONREGISTER: where the client reads the position by itself, until the pin is closed (WRT-039).
   * @param Register untouched unless the status is a success
   * @returns STATUS_NOT_SUPPORTED where the miniport said so, or STATUS_NOT_IMPLEMENTED (ERR-22);
   *   STATUS_INVALID_DEVICE_REQUEST once it was given
   * @throws CallerError WRT-038 for a Width that is neither 32 nor 64, or a register without an address
   */
  positionRegister(Register: Out<HwRegister>): NtStatus {
    return this.#register('position', Register, (into) => this.stream.GetPositionRegister(into))
  }

  /** KSPROPERTY_RTAUDIO_CLOCKREGISTER, as positionRegister; a clock has a frequency too (WRT-038). */
  clockRegister(Register: Out<HwRegister>): NtStatus {
    return this.#register('clock', Register, (into) => this.stream.GetClockRegister(into))
  }

  /** KSPROPERTY_RTAUDIO_REGISTER_NOTIFICATION_EVENT. @returns STATUS_NOT_SUPPORTED where the stream has none */
  registerEvent(event: KEvent): NtStatus {
    this.#enter('RegisterNotificationEvent', 'WRT-040')
    if (!hasNotifications(this.stream)) return NtStatus.STATUS_NOT_SUPPORTED
    const status = this.stream.RegisterNotificationEvent(event)
    if (NT_SUCCESS(status)) this.#events.add(event)
    return status
  }

  /** KSPROPERTY_RTAUDIO_UNREGISTER_NOTIFICATION_EVENT. */
  unregisterEvent(event: KEvent): NtStatus {
    this.#enter('UnregisterNotificationEvent', 'WRT-040')
    if (!hasNotifications(this.stream)) return NtStatus.STATUS_NOT_SUPPORTED
    this.#events.delete(event)
    return this.stream.UnregisterNotificationEvent(event)
  }

  /**
   * Steps down to STOP, frees the buffer and lets the stream go; the views that clients had end. Twice is harmless.
   * @throws what the miniport failed with; the pin is closed all the same
   */
  close(): Promise<void> {
    return this.#close(async () => {
      while (this.#state !== KSSTATE.KSSTATE_STOP) {
        const status = await this.#step((this.#state - 1) as KSSTATE)
        if (!NT_SUCCESS(status)) break
      }
    })
  }

  /** Closes without the steps down, for a pin whose device does not answer any more. @throws as close */
  abandon(): Promise<void> {
    return this.#close(() => undefined)
  }

  #close(stepDown: () => void | Promise<void>): Promise<void> {
    this.#closing ??= this.#queued(async () => {
      const undo = new Disposal()
      const { kernel, format, onClose } = this.#parts
      undo.defer(onClose)
      undo.defer(() => {
        for (const { address } of [this.#position, this.#latency, format.header, ...this.#registers.values()])
          kernel.pool.free(address)
      })
      undo.defer(async () => void (await this.stream.Release()))
      undo.defer(async () => {
        this.#closed = true
        const buffer = this.#buffer
        this.#buffer = undefined
        if (buffer !== undefined) await freeBuffer(this.#parts, buffer)
      })
      for (const event of this.#events) undo.defer(() => this.#forget(event))
      undo.defer(stepDown)
      await undo[Symbol.asyncDispose]()
    })
    return this.#closing
  }

  #forget(event: KEvent): void {
    if (hasNotifications(this.stream)) this.stream.UnregisterNotificationEvent(event)
  }

  #register(kind: 'position' | 'clock', Register: Out<HwRegister>, ask: (into: HwRegister) => NtStatus): NtStatus {
    const routine = kind === 'position' ? 'GetPositionRegister' : 'GetClockRegister'
    this.#enter(routine, 'WRT-039')
    const { kernel } = this.#parts
    if (this.#registers.has(kind)) return NtStatus.STATUS_INVALID_DEVICE_REQUEST
    const into = kernel.pool.allocateStruct(KSRTAUDIO_HWREGISTER)
    const status = ask(into)
    if (!NT_SUCCESS(status)) {
      kernel.pool.free(into.address)
      return status === NtStatus.STATUS_NOT_IMPLEMENTED ? NtStatus.STATUS_NOT_SUPPORTED : status
    }
    this.#registers.set(kind, into)
    const [width, address] = [into.get('Width'), into.get('Register')]
    if ((width !== 32 && width !== 64) || address === 0n) {
      const text = `the register has ${width} bits at 0x${address.toString(16)}`
      kernel.ledger.raise({ rule: 'WRT-038', routine, text })
    }
    Register.value = into
    return status
  }

  /** PASSIVE_LEVEL, and the pin is open. */
  #enter(routine: string, rule: string): void {
    const { kernel } = this.#parts
    kernel.requireIrql(routine, rule, KIRQL.PASSIVE_LEVEL)
    this.#requireOpen(routine, rule)
  }

  #requireOpen(routine: string, rule: string): void {
    if (this.#closed) this.#parts.kernel.ledger.raise({ rule, routine, text: 'the pin is closed' })
  }

  /** Once the calls before it have ended; by then the pin may be closed. */
  #inTurn<T>(routine: string, rule: string, act: () => Promise<T>): Promise<T> {
    return this.#queued(() => {
      this.#requireOpen(routine, rule)
      return act()
    })
  }

  #queued<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act)
    this.#turn = result.catch(() => undefined)
    return result
  }
}
