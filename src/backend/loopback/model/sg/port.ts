import type { BusMaster } from '../model.ts'

/** A channel's way to the bus, which counts its accesses: those that are refused, too. */
export class CountingPort {
  reads = 0n
  writes = 0n
  readBytes = 0n
  writtenBytes = 0n
  readonly #bus: BusMaster

  constructor(bus: BusMaster) {
    this.#bus = bus
  }

  /** @returns what arrived, zeros where it was refused, and the first address that was */
  read(address: bigint, length: number): { readonly bytes: Uint8Array; readonly refused: bigint | undefined } {
    this.reads++
    this.readBytes += BigInt(length)
    let refused: bigint | undefined
    const bytes = this.#bus.read(address, length, (at) => (refused = at))
    return { bytes, refused }
  }

  /** @returns the first address that was refused */
  write(address: bigint, bytes: Uint8Array): bigint | undefined {
    this.writes++
    this.writtenBytes += BigInt(bytes.length)
    let refused: bigint | undefined
    this.#bus.write(address, bytes, (at) => (refused = at))
    return refused
  }

  /** Only a reset of the whole function clears the counts. */
  clear(): void {
    this.reads = this.writes = this.readBytes = this.writtenBytes = 0n
  }
}
