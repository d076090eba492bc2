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
   * @throws ProbarError timeout, cancelled, range-outside, device-gone, closed
   */
  write(target: Segments, data: Uint8Array, options?: EngineOptions): Promise<void>
  /**
   * The device reads the bus ranges, in order.
   * Guarantee: the result is what the device received, fetched back from inside it, not what memory holds.
   * @throws as write
   */
  read(source: Segments, options?: EngineOptions): Promise<Uint8Array>
  /**
   * The device raises its own interrupt once and it is acknowledged; resolves with the value of the vector's count.
   * @throws ProbarError timeout, cancelled, interrupt-unavailable, closed
   */
  interrupt(options?: EngineOptions): Promise<number>
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
  /** Segments that the device takes in one command. */
  readonly listLength: number
}

export interface EngineOptions {
  /** Milliseconds on the device's clock for each transfer; 5000 unless told. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** How to see the end of a transfer; `poll` unless told. */
  readonly completion?: 'poll' | 'interrupt'
}
