import type { Segments } from '../device/segments.ts'

/**
 * What makes a device move bytes or raise an interrupt. An engine drives registers only; it never looks at memory to
 * find out whether a transfer worked, because that is what the cases are for.
 */
export interface DmaEngine extends Disposable {
  /** The engine's name in profiles, for example `edu`. */
  readonly name: string
  readonly abilities: EngineAbilities
  /**
   * The device writes `data` to the bus ranges, in order.
   * Guarantee: the device has reported every part done. Not guaranteed: that memory holds the bytes. A device may
   * not notice that an IOMMU refused it.
   * @param target as long as `data`
   * @throws ProbarError timeout, cancelled, range-outside, capability-missing (without `carries`), device-gone, closed
   */
  write(target: Segments, data: Uint8Array, options?: EngineOptions): Promise<void>
  /**
   * The device reads the bus ranges, in order.
   * Guarantee: the result is what the device received, fetched back from inside it, not what memory holds.
   * @throws as write
   */
  read(source: Segments, options?: EngineOptions): Promise<Uint8Array>
  /**
   * The device raises its own interrupt once and it is acknowledged; resolves with the value of the count of the
   * channel's vector.
   * @throws ProbarError timeout, cancelled, interrupt-unavailable, closed
   */
  interrupt(options?: EngineOptions): Promise<number>
  /**
   * Ends what the channel does. When it resolves the device makes no further access to memory for what was begun
   * there, and whoever waited for that has been rejected with `cancelled`. Nothing under way is nothing to end.
   * @throws ProbarError timeout when the device does not come to rest, range-outside for a channel that there is not, closed
   */
  abort(channel?: number, options?: Pick<EngineOptions, 'timeoutMs'>): Promise<void>
  /** What the device itself says: nothing is under way on the channel (recipe HC-11). @throws ProbarError range-outside, device-gone, closed */
  idle(channel?: number): boolean
  close(): void
}

export interface EngineAbilities {
  /** Bytes of one transfer; longer ones are split. */
  readonly maxTransfer: number
  /** Bits of the addresses that the device can emit. */
  readonly addressBits: number
  /** How the end of a transfer is seen. */
  readonly completion: readonly ('poll' | 'interrupt')[]
  /** The device can raise an interrupt on demand. */
  readonly interrupts: boolean
  /** Segments that the device takes in one command; longer lists are split. */
  readonly listLength: number
  /** Bytes of which every segment's address and length is a multiple; 1 for any. */
  readonly alignment: number
  /** Transfers that can be under way at once, each on a channel of its own, from 0. */
  readonly channels: number
  /** `at-once`: the device can give up a transfer. `drains`: it runs to its end, and `abort` waits for that. */
  readonly abort: 'at-once' | 'drains'
  /** False where the device may be asked for its own data only: `write` and `read` are then refused. */
  readonly carries: boolean
}

export interface EngineOptions {
  /** Milliseconds on the device's clock for each transfer; 5000 unless told. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** How to see the end of a transfer; `poll` unless told. */
  readonly completion?: 'poll' | 'interrupt'
  /** 0 unless told. Transfers of one channel follow one another, those of several run side by side. */
  readonly channel?: number
}
