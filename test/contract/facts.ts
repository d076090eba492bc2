import type { DeviceIdentity, Interrupts, Region } from '../../src/device/contract.ts'

type RegionFacts = Pick<Region, 'index' | 'kind' | 'size' | 'prefetchable' | 'addressBits' | 'mappable'>

/** A register of 32 bits. */
interface RegisterFacts {
  readonly bar: number
  /** Bytes from the start of the BAR. */
  readonly offset: number
}

/**
 * What its documents say of the device that a bench has, so that checks know what to expect and what they may touch.
 * Written down here, apart from the profiles: the contract must not believe what it is to check.
 */
export interface DeviceFacts {
  readonly identity: Pick<DeviceIdentity, 'vendor' | 'device' | 'revision' | 'classCode'>
  /** Bytes: 256, or 4096 for PCI Express. */
  readonly configSize: 256 | 4096
  /** All BARs, in index order. */
  readonly regions: readonly RegionFacts[]
  /** BAR for what every BAR can do: of memory, mappable, at least a page long. */
  readonly bar: number
  readonly vectors: Interrupts['vectors']
  /** Reads so at any time; reading does nothing. */
  readonly constant?: RegisterFacts & { readonly value: number }
  /** Gives back what was written under the mask, or its inverse, and nothing else happens. In a BAR that can be mapped. */
  readonly scratch?: RegisterFacts & {
    readonly mask: number
    readonly inverts?: true
    /** What it reads after a reset; unless told, what it read before. */
    readonly afterReset?: number
  }
}

const memory = { kind: 'memory', prefetchable: false, addressBits: 32, mappable: true } as const

/** sg, after its page (docs/devices/sg.md). */
export const sgFacts: DeviceFacts = {
  identity: { vendor: 0x1234, device: 0x5347, revision: 0x01, classCode: 0x088000 },
  configSize: 256,
  regions: [
    { ...memory, index: 0, size: 0x1_0000 },
    { ...memory, index: 2, size: 0x4_0000, prefetchable: true, addressBits: 64 },
  ],
  bar: 0,
  vectors: { intx: 0, msi: 0, msix: 5 },
  constant: { bar: 0, offset: 0x00, value: 0x5347_0100 },
  scratch: { bar: 0, offset: 0x04, mask: 0xffff_ffff, inverts: true, afterReset: 0 },
}

/** QEMU's edu, after its document (docs/specs/edu.rst). */
export const eduFacts: DeviceFacts = {
  identity: { vendor: 0x1234, device: 0x11e8, revision: 0x10, classCode: 0x00ff00 },
  configSize: 256,
  regions: [{ ...memory, index: 0, size: 0x10_0000 }],
  bar: 0,
  vectors: { intx: 1, msi: 1, msix: 0 },
  constant: { bar: 0, offset: 0x00, value: 0x0100_00ed },
  scratch: { bar: 0, offset: 0x04, mask: 0xffff_ffff, inverts: true },
}
