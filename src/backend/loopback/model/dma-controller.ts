import type { Clock } from '../../../base/clock.ts'
import type { BusMaster } from './model.ts'

/** DMA registers, 64 bits each; a 4-byte write to their start sets all 64 bits, zero extended. */
export const DmaRegister = { source: 0x80, destination: 0x88, count: 0x90, command: 0x98 } as const
export type DmaRegister = (typeof DmaRegister)[keyof typeof DmaRegister]

/** Bits of the command register. */
export const DmaCommand = { start: 0x1n, fromDevice: 0x2n, interrupt: 0x4n } as const

/** Where the device's buffer appears as source or destination; it is not visible through the BAR. */
export const BUFFER_START = 0x4_0000n
export const BUFFER_SIZE = 4096

/** A transfer takes this long, however short it is (measured). */
export const TRANSFER_MS = 100

export interface DmaWiring {
  readonly clock: Clock
  readonly bus: BusMaster
  /** Address bits that the device can emit; all others are cleared without a word. */
  readonly mask: bigint
  /** A transfer that asked for an interrupt has ended. */
  readonly interrupt: () => void
  /** A transfer would leave the buffer. */
  readonly leftBuffer: () => void
}

/**
 * edu's DMA controller. What the document leaves open was measured on QEMU 7.2: while a transfer runs every write to these
 * registers is ignored, as is a command without the start bit; the end clears the start bit alone; a transfer that is
 * empty, leaves the buffer or touches its last byte stops the machine. Of a refused access it is not told.
 */
export class DmaController implements Disposable {
  readonly #wiring: DmaWiring
  readonly #buffer = new Uint8Array(BUFFER_SIZE)
  readonly #registers = new Map<DmaRegister, bigint>(Object.values(DmaRegister).map((register) => [register, 0n]))
  #timer: Disposable | undefined

  constructor(wiring: DmaWiring) {
    this.#wiring = wiring
  }

  read(register: DmaRegister): bigint {
    return this.#registers.get(register) ?? 0n
  }

  write(register: DmaRegister, value: bigint): void {
    if (this.#timer !== undefined) return
    if (register === DmaRegister.command && (value & DmaCommand.start) === 0n) return
    this.#registers.set(register, value)
    if (register === DmaRegister.command) this.#timer = this.#wiring.clock.setTimer(TRANSFER_MS, () => this.#end())
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  #end(): void {
    this.#timer = undefined
    const command = this.read(DmaRegister.command)
    const source = this.read(DmaRegister.source)
    const destination = this.read(DmaRegister.destination)
    const fromDevice = (command & DmaCommand.fromDevice) !== 0n
    const offset = this.#bufferOffset(fromDevice ? source : destination)
    if (offset === undefined) return this.#wiring.leftBuffer()
    this.#move((fromDevice ? destination : source) & this.#wiring.mask, offset, fromDevice)
    this.#registers.set(DmaRegister.command, command & ~DmaCommand.start)
    if ((command & DmaCommand.interrupt) !== 0n) this.#wiring.interrupt()
  }

  #bufferOffset(address: bigint): number | undefined {
    const end = address + this.read(DmaRegister.count)
    const inside = address >= BUFFER_START && end > address && end < BUFFER_START + BigInt(BUFFER_SIZE)
    return inside ? Number(address - BUFFER_START) : undefined
  }

  #move(address: bigint, offset: number, fromDevice: boolean): void {
    const length = Number(this.read(DmaRegister.count))
    if (fromDevice) this.#wiring.bus.write(address, this.#buffer.slice(offset, offset + length))
    else this.#buffer.set(this.#wiring.bus.read(address, length), offset)
  }
}
