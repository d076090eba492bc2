/**
 * QEMU's edu device, from its specification (QEMU: docs/specs/edu). Offsets in BAR 0 in bytes. Registers below 0x80
 * take 4-byte accesses only, the others 4 or 8 bytes.
 */
export const Register = {
  /** RO: 0xRRrr00ed, major and minor version. */
  identification: 0x00,
  /** RW: reads back inverted. */
  liveness: 0x04,
  /** RO: values that raised the interrupt, ORed. */
  interruptStatus: 0x24,
  /** WO: raises the interrupt with a value. */
  interruptRaise: 0x60,
  /** WO: clears values from the status. */
  interruptAcknowledge: 0x64,
  dmaSource: 0x80,
  dmaDestination: 0x88,
  dmaCount: 0x90,
  dmaCommand: 0x98,
} as const

/** Bits of the DMA command register. */
export const DmaCommand = {
  /** Starts a transfer; reads 1 while it runs. */
  run: 0x01,
  /** Set: from the device to memory. Clear: from memory to the device. */
  toMemory: 0x02,
  /** Raises the interrupt with the value `dmaDone` at the end. */
  interrupt: 0x04,
} as const

/** Value in the interrupt status after a transfer with an interrupt. */
export const dmaDone = 0x100
