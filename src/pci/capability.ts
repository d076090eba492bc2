import type { RegisterSpec } from './register.ts'

/** What is in front of a decoder: a capability's bytes from its id on, as far as they are at hand. */
export interface CapabilityBytes {
  readonly bytes: Uint8Array
  readonly express: PortType | undefined
}

/** Bits 7:4 of the PCI Express Capabilities register, which decide what other registers mean (PCIe 7.5.3.2). */
export type PortType = number

/** What a capability of this id holds, judged by its own first bytes. */
export interface CapabilityLayout {
  /** Bytes that it takes at least, its header included. */
  readonly length: number
  readonly registers: readonly RegisterSpec[]
}

export type CapabilityDecoder = (capability: CapabilityBytes) => CapabilityLayout
