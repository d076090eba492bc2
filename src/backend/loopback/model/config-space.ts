import type { ConfigSpace } from '../../../device/contract.ts'
import { type Width, allOnes, checkRegisterAccess } from '../../../device/register-access.ts'
import type { Slot } from '../slot.ts'

/** Offsets of the header (PCI Local Bus 3.0, 6.1) and of the one capability. */
export const ConfigOffset = {
  vendor: 0x00,
  device: 0x02,
  command: 0x04,
  status: 0x06,
  revision: 0x08,
  classCode: 0x09,
  bar0: 0x10,
  subsystemVendor: 0x2c,
  subsystem: 0x2e,
  capabilities: 0x34,
  interruptPin: 0x3d,
  msi: 0x40,
  msiControl: 0x42,
} as const

/** Bits of the command register (PCI Local Bus 3.0, 6.2.2). */
export const Command = { memory: 0x0002, busMaster: 0x0004, intxDisable: 0x0400 } as const

export const BAR0_SIZE = 0x10_0000
/** Below 4 GiB and above any memory that a machine of this size has. */
export const BAR0_START = 0xfea0_0000

/** Bits of MSI's message control (PCI Local Bus 3.0, 6.8.1.3): enable, log2 of the vectors, 64-bit address. */
const MSI_ENABLE = 0x0001
const MSI_CAPABLE_SHIFT = 1
const MSI_WIDE = 0x0080

/** Width, offset and value of what edu's config space holds beside zeros. */
const contents: readonly (readonly [Width, number, number])[] = [
  [2, ConfigOffset.vendor, 0x1234],
  [2, ConfigOffset.device, 0x11e8],
  // As a platform hands the function over: memory decode on, bus mastering left to the user.
  [2, ConfigOffset.command, Command.memory],
  [2, ConfigOffset.status, 0x0010], // has a capability list
  [4, ConfigOffset.revision, 0x00ff_0010], // class 00ff00 above the revision
  [4, ConfigOffset.bar0, BAR0_START], // 32-bit memory, not prefetchable
  [2, ConfigOffset.subsystemVendor, 0x1af4],
  [2, ConfigOffset.subsystem, 0x1100],
  [1, ConfigOffset.capabilities, ConfigOffset.msi],
  [1, ConfigOffset.interruptPin, 1],
  [2, ConfigOffset.msi, 0x0005], // MSI, the last capability
]

/** Bits that a user can write; MSI belongs to the platform, which shows its registers only. */
const writable: readonly (readonly [Width, number, number])[] = [
  [2, ConfigOffset.command, 0x0507],
  [4, ConfigOffset.bar0, ~(BAR0_SIZE - 1) >>> 0],
  [1, 0x0c, 0xff], // cache line size
  [1, 0x3c, 0xff], // interrupt line
]

/** edu's 256 bytes of config space. */
export class EduConfigSpace implements ConfigSpace {
  readonly size = 256
  readonly #slot: Slot
  readonly #bytes = laidOut(contents)
  readonly #writable = laidOut(writable)
  /** A power of two. */
  readonly msiVectors: number

  constructor(slot: Slot, msiVectors: number) {
    this.#slot = slot
    this.msiVectors = msiVectors
    this.#bytes.setUint16(ConfigOffset.msiControl, MSI_WIDE | (Math.log2(msiVectors) << MSI_CAPABLE_SHIFT), true)
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
    this.#bytes.setUint16(ConfigOffset.command, command, true)
  }

  get intxDisabled(): boolean {
    return (this.#command & Command.intxDisable) !== 0
  }

  /** What the platform does when a user enables or disables MSI. */
  showMsi(enabled: boolean): void {
    const control = this.#bytes.getUint16(ConfigOffset.msiControl, true)
    this.#bytes.setUint16(ConfigOffset.msiControl, enabled ? control | MSI_ENABLE : control & ~MSI_ENABLE, true)
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
    return this.#bytes.getUint16(ConfigOffset.command, true)
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

function laidOut(fields: readonly (readonly [Width, number, number])[]): DataView {
  const bytes = new DataView(new ArrayBuffer(256))
  for (const [width, offset, value] of fields) {
    if (width === 1) bytes.setUint8(offset, value)
    else if (width === 2) bytes.setUint16(offset, value, true)
    else bytes.setUint32(offset, value, true)
  }
  return bytes
}
