import type { Segments } from '../device/segments.ts'

/** `output`: the device reads the buffer and plays it. `input`: the device records into the buffer. */
export type Direction = 'output' | 'input'

/**
 * A device that walks through buffers by itself, round and round, as sound controllers do. As with other engines: it drives
 * registers only and never looks at memory to find out whether something worked.
 */
export interface CyclicEngine extends Disposable {
  /** The engine's name in profiles, for example `intel-hda`. */
  readonly name: string
  readonly abilities: CyclicAbilities
  /**
   * Gives a free stream of the device a buffer. Nothing moves before `run`.
   * @throws ProbarError range-outside for a buffer that the device cannot take, capability-missing when no stream of the
   *   direction is free, timeout, device-gone, closed
   */
  open(buffer: CyclicBuffer, options?: CyclicOptions): Promise<CyclicStream>
  /** Stops every stream; memory is left alone from then on. */
  close(): void
}

export interface CyclicAbilities {
  readonly directions: readonly Direction[]
  /** Bits of the addresses that the device can emit. */
  readonly addressBits: number
  /** Bytes of which every segment's address, every segment's length and the whole size is a multiple. */
  readonly alignment: number
  /** Bytes that a buffer has at least; beyond that it is whole sample frames. */
  readonly smallest: number
  /** Segments that one buffer may have. */
  readonly listLength: number
  /** The device interrupts at `notifyAt`. */
  readonly notifications: boolean
  /** Bytes by which the position may be off what has really moved. */
  readonly accuracy: number
  /**
   * What an input stream records: `counter` is byte i of the stream, counted from `run` after a `stop`, = i mod 251;
   * `silence` is zeros; `unknown` is whatever comes in.
   */
  readonly records: 'counter' | 'silence' | 'unknown'
  /** The device can be asked what it received of an output stream (`played`). */
  readonly tap: boolean
  /** Set for a device that begins at the buffer's start when it runs after a pause, in spite of what `run` says. */
  readonly restarts?: true
}

export interface SampleFormat {
  /** Frames a second. */
  readonly rate: number
  readonly channels: number
  /** Of one sample. */
  readonly bits: 8 | 16 | 24 | 32
}

export interface CyclicBuffer {
  readonly direction: Direction
  /** The whole buffer in order; the device wraps from its end to its start. */
  readonly segments: Segments
  readonly format: SampleFormat
  /**
   * Ascending byte offsets, each above 0 and at most the size, multiples of the alignment: the device interrupts when it has
   * moved all bytes below one. [size] for each turn, [size / 2, size] for each half.
   */
  readonly notifyAt?: readonly number[]
}

export interface CyclicOptions {
  /** Milliseconds on the device's clock; 5000 unless told. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** One stream of the device with its buffer; it stands still at position 0 when it is opened. */
export interface CyclicStream extends Disposable {
  /** Bytes of the buffer. */
  readonly size: number
  readonly latency: StreamLatency
  /** Where driver and client can read the position without software's help; undefined when the device has no such place. */
  readonly positionRegister: PositionRegister | undefined
  /** A counter that runs with the stream's clock; undefined when the device has none. */
  readonly clockRegister: ClockRegister | undefined
  /** Sets the stream in motion, from where it stands. @throws ProbarError timeout, device-gone, closed */
  run(options?: CyclicOptions): Promise<void>
  /** Ends the motion: when it resolves the device accesses the buffer no more; the position stays. @throws as run */
  pause(options?: CyclicOptions): Promise<void>
  /** As pause, and the position is 0 again. @throws as run */
  stop(options?: CyclicOptions): Promise<void>
  /** Bytes from the buffer's start to where the device is, 0 <= position < size, read from the device now. */
  position(): number
  /**
   * Interrupts for this stream since it was opened; a late one counts when it arrives. What a device announced twice
   * before anybody served it may count once.
   */
  notifications(): number
  /** Until there were more notifications than `after`; resolves with their number. @throws ProbarError timeout, cancelled, closed, capability-missing */
  notified(after: number, options?: CyclicOptions): Promise<number>
  /** The last bytes that the device received, fetched back from inside it, the oldest first; only with `tap`. @throws ProbarError capability-missing */
  played(): Promise<Uint8Array>
  /** Stops, and gives the stream back. */
  close(): void
}

export interface StreamLatency {
  /** Bytes between memory and the codec. */
  readonly fifoSize: number
  /** Units of 100 ns. */
  readonly chipsetDelay: number
  /** Units of 100 ns. */
  readonly codecDelay: number
}

/** A register of a BAR that counts bytes from the buffer's start and wraps to 0 at its end by itself. */
export interface PositionRegister {
  /** BAR number. */
  readonly region: number
  /** Bytes from the region's start. */
  readonly offset: number
  /** Bits. */
  readonly width: 32 | 64
  /** Bytes. */
  readonly accuracy: number
}

export interface ClockRegister {
  readonly region: number
  readonly offset: number
  readonly width: 32 | 64
  /** Ticks a second are numerator / denominator. */
  readonly numerator: bigint
  readonly denominator: bigint
  /** Ticks. */
  readonly accuracy: number
}
