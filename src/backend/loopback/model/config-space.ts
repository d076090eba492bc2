import type { ConfigSpace, InterruptKind } from '../../../device/contract.ts'
import { type Width, allOnes, checkRegisterAccess } from '../../../device/register-access.ts'
import type { Slot } from '../slot.ts'
import { CapabilityPlace, type Field, headerFields, writableFields } from './config-layout.ts'

/** Bits of the command register (PCI Local Bus 3.0, 6.2.2). */
export const Command = { memory: 0x0002, busMaster: 0x0004, intxDisable: 0x0400 } as const
const COMMAND = 0x04

/** Enable bits of the message controls (PCI Local Bus 3.0, 6.8.1.3 and 6.8.2.3). */
const ENABLE = { msi: 0x0001, msix: 0x8000 } as const

/** The 256 bytes of a modelled function's config space. */
export class ModelConfigSpace implements ConfigSpace {
  readonly size = 256
  readonly #slot: Slot
  readonly #bytes: DataView
  readonly #writable: DataView

  constructor(slot: Slot, shape: Parameters<typeof headerFields>[0]) {
    this.#slot = slot
    this.#bytes = laidOut(headerFields(shape))
    this.#writable = laidOut(writableFields(shape))
  }

  get memoryDecode(): boolean {
    return (this.#command & Command.memory) !== 0
  }

  get busMaster(): boolean {
    return (this.#command & Command.busMaster) !== 0
  }

  /** What the platform does when it opens, resets and closes the device. */
  setBusMaster(on: boolean): void {
    const command = on ? this.#command | Command.busMaster : this.#command & ~Command.busMaster
    this.#bytes.setUint16(COMMAND, command, true)
  }

  get intxDisabled(): boolean {
    return (this.#command & Command.intxDisable) !== 0
  }

  /** What the platform does when a user enables interrupts, or disables them. */
  showEnabled(kind: InterruptKind | undefined): void {
    for (const message of ['msi', 'msix'] as const) {
      const at = CapabilityPlace[message] + 2
      if (this.#bytes.getUint8(at - 2) === 0) continue
      const control = this.#bytes.getUint16(at, true) & ~ENABLE[message]
      this.#bytes.setUint16(at, kind === message ? control | ENABLE[message] : control, true)
    }
  }

  read8(offset: number): number {
    return this.#reach(offset, 1) ? this.#bytes.getUint8(offset) : Number(allOnes(1))
  }

  read16(offset: number): number {
    return this.#reach(offset, 2) ? this.#bytes.getUint16(offset, true) : Number(allOnes(2))
  }

  read32(offset: number): number {
    return this.#reach(offset, 4) ? this.#bytes.getUint32(offset, true) : Number(allOnes(4))
  }

  write8(offset: number, value: number): void {
    this.#write(offset, 1, value)
  }

  write16(offset: number, value: number): void {
    this.#write(offset, 2, value)
  }

  write32(offset: number, value: number): void {
    this.#write(offset, 4, value)
  }

  get #command(): number {
    return this.#bytes.getUint16(COMMAND, true)
  }

  #reach(offset: number, width: Width): boolean {
    this.#slot.requireOpen()
    checkRegisterAccess(offset, width, this.size)
    return this.#slot.present
  }

  #write(offset: number, width: Width, value: number): void {
    if (!this.#reach(offset, width)) return
    for (let index = 0; index < width; index++) {
      const mask = this.#writable.getUint8(offset + index)
      const kept = this.#bytes.getUint8(offset + index) & ~mask
      this.#bytes.setUint8(offset + index, kept | (Math.floor(value / 2 ** (8 * index)) & mask))
    }
  }
}

function laidOut(fields: readonly Field[]): DataView {
  const bytes = new DataView(new ArrayBuffer(256))
  for (const [width, offset, value] of fields) {
    if (width === 1) bytes.setUint8(offset, value)
    else if (width === 2) bytes.setUint16(offset, value, true)
    else bytes.setUint32(offset, value, true)
  }
  return bytes
}
