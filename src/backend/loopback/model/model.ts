import type { Clock } from '../../../base/clock.ts'
import type { InterruptKind } from '../../../device/contract.ts'
import type { RegisterFile } from './registers.ts'

/** The device's own way to the bus. A refused read gives zeros, a refused write is lost. */
export interface BusMaster {
  /** @param refused gets the first address that was refused, for a device that notices */
  read(address: bigint, length: number, refused?: Refused): Uint8Array
  write(address: bigint, bytes: Uint8Array, refused?: Refused): void
}
export type Refused = (address: bigint) => void

/** How the device signals: a message each time (MSI, MSI-X), or a level that stays until all is acknowledged (INTx). */
export interface InterruptLine {
  /**
   * @param cause the bits that this raise sets in the device's interrupt status
   * @param vector of the message; 0 unless told
   */
  raise(cause: number, vector?: number): void
  lower(): void
}

export interface ModelBar {
  readonly index: number
  /** Bytes, a power of two. */
  readonly size: number
  /** Where the platform has put it, a multiple of the size. */
  readonly start: bigint
  readonly addressBits: 32 | 64
  readonly prefetchable: boolean
}

/** What a modelled function shows of itself in config space. */
export interface ModelShape {
  readonly vendor: number
  readonly device: number
  readonly subsystemVendor: number
  readonly subsystem: number
  readonly revision: number
  /** 24 bits. */
  readonly classCode: number
  readonly bars: readonly ModelBar[]
  /** Vectors of each kind. */
  readonly vectors: Readonly<Record<InterruptKind, number>>
  /** Where MSI-X has its table and its pending bits: bytes from the start of a BAR. Only with `vectors.msix`. */
  readonly msix?: { readonly bar: number; readonly table: number; readonly pending: number }
  /** Says that it can be reset alone (capability Advanced Features). */
  readonly functionReset: boolean
}

/** What stands around a model. */
export interface ModelWiring {
  readonly clock: Clock
  readonly bus: BusMaster
  readonly line: InterruptLine
  /** Address bits that the device can emit. */
  readonly dmaMask: bigint
  /** The device ends, and with it every answer. */
  readonly die: () => void
}

/** A modelled function that is switched on; disposing it ends all that it does. */
export interface Model extends Disposable {
  /** What answers behind each BAR. */
  readonly registers: ReadonlyMap<number, RegisterFile>
  /** What a reset of the function does to it; the platform sees to config space. */
  reset(): void
}
