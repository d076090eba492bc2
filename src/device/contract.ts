import type { BusAddress, PhysicalAddress, Va } from '../base/address.ts'
import type { BlockingClock } from '../base/clock.ts'
import type { RegisterProgram } from './register-program/program.ts'
import type { Segments } from './segments.ts'

/**
 * What every backend offers of a PCI function. One contract suite (test/contract/device.ts) runs over all of them;
 * what a platform cannot do is a typed capability, never an imitation.
 *
 * Everything here is closed by `close()` or `using`. Closing twice is harmless; any use after it throws
 * ProbarError `closed`. A device opens with bus mastering off, whatever drove it before.
 */
export interface Device extends Disposable {
  /** How the device was named, for example `vfio:0000:01:00.0` or `loopback:edu`. */
  readonly ref: string
  /** The backend's name: `loopback`, `vfio`, … */
  readonly backend: string
  /** `model` when only Probar's own code answers; a run's witness is derived from it. */
  readonly substance: 'model' | 'hardware'
  /** The PCI address, by which faults name the device: `0000:01:00.0`. */
  readonly address: string
  readonly identity: DeviceIdentity
  readonly config: ConfigSpace
  /** The BARs that exist, in index order; then the ROM, with index 6, where there is one. */
  readonly regions: readonly Region[]
  readonly dma: DmaDomain
  readonly interrupts: Interrupts
  readonly faults: FaultLog
  readonly notices: Notices
  /** The device's time: timeouts count on it, so that a model's delays cost nothing. Drivers stall by it at DISPATCH_LEVEL. */
  readonly clock: BlockingClock
  /** What `reset` does here; undefined where the platform has no way to reset the device. */
  readonly resets: ResetMeans | undefined
  /**
   * Resets the device by the best means that the platform has. Bus mastering is off afterwards; what else of config
   * space the user wrote is as before.
   * @throws ProbarError capability-missing where there are none
   */
  reset(): void
  /** Turns bus mastering off, then gives back interrupts, mappings, views and the device, in that order. */
  close(): void
}

export interface ResetMeans {
  /** `function`: this function alone. `bus`: every function of its slot or bus, all of which the user holds. */
  readonly scope: 'function' | 'bus'
  /** How, in the platform's words: `flr`, `pm`, `bus`, … (kernel: reset_method in sysfs), `hot-reset`, `model`. */
  readonly method: string
}

/** Ids as config space gives them. */
export interface DeviceIdentity {
  readonly vendor: number
  readonly device: number
  readonly subsystemVendor: number
  readonly subsystem: number
  readonly revision: number
  /** 24 bits: base class, subclass, programming interface. */
  readonly classCode: number
  readonly driver?: string | undefined
  readonly group?: number | undefined
}

/** Exact-width accesses; `offset` counts bytes and is a multiple of the width. */
export interface ConfigSpace {
  /** Bytes: 256, or 4096 for PCI Express. */
  readonly size: number
  read8(offset: number): number
  read16(offset: number): number
  read32(offset: number): number
  write8(offset: number, value: number): void
  write16(offset: number, value: number): void
  write32(offset: number, value: number): void
}

/** Which half of 8 bytes is accessed first, each half by an access of 4 bytes. */
export type Halves = 'low-first' | 'high-first'

/** Elements for a block of accesses, each as wide as an element. */
export type Block = Uint8Array | Uint16Array | Uint32Array | BigUint64Array

/** Where the accesses of a block go: to one offset after the other, or all to the same one, as with a FIFO. */
export type BlockPlace = 'ascending' | 'fixed'

/**
 * Registers, one bus access of exactly the stated width a call (DXM-040). Values are unsigned.
 * @throws ProbarError region-outside, region-misaligned, device-gone, device-asleep, decoding-off, closed
 */
export interface RegisterAccess {
  /**
   * Whether an access of 8 bytes is one on the bus, or the order of its halves has to be named. I/O ports have none, and
   * neither has what the kernel accesses for Probar: Linux 6.1
   * splits 8 bytes there, 6.12 does not, and neither tells.
   */
  readonly access64: 'whole' | 'halves'
  read8(offset: number): number
  read16(offset: number): number
  read32(offset: number): number
  /** @param halves two accesses of 4 bytes in this order, wherever it is. @throws register-width where it has to be named */
  read64(offset: number, halves?: Halves): bigint
  write8(offset: number, value: number): void
  write16(offset: number, value: number): void
  write32(offset: number, value: number): void
  /** @param halves as `read64` */
  write64(offset: number, value: bigint, halves?: Halves): void
  /**
   * Fills `into` by accesses of the width of its elements, in order, in one crossing to native code. It takes as long as
   * the accesses take. When one fails, the elements before it are filled.
   * @param place `ascending` unless told
   * @throws also register-width, for elements of 8 bytes where `access64` is `halves`
   */
  readBlock(offset: number, into: Block, place?: BlockPlace): void
  /** Writes the elements of `from`, as `readBlock` reads. */
  writeBlock(offset: number, from: Block, place?: BlockPlace): void
  /**
   * Runs a program in one crossing; nothing of it runs when any of its steps is outside of the region or has a width that
   * there is not. The thread waits for it: at most the program's delays and timeouts (10 s), and what the accesses take.
   * @returns the values of the steps that read, in order
   * @throws RegisterProgramError with the values until then: timeout, and as above
   */
  run(program: RegisterProgram): BigUint64Array
}

/** A BAR or the expansion ROM, which cannot be written (`access-violation`). */
export interface Region extends RegisterAccess {
  readonly index: number
  readonly kind: 'memory' | 'io' | 'rom'
  /** Bytes. */
  readonly size: number
  /** Where the CPU sees it: the translated start of the resource list (DXM-010). */
  readonly start: PhysicalAddress
  readonly prefetchable: boolean
  /** Width of the BAR register in bits. */
  readonly addressBits: 32 | 64
  /** All of it, in one view. */
  readonly mappable: boolean
  /** The parts of which the platform gives views, ascending; empty when there are none. */
  readonly mappableAreas: readonly RegionArea[]
  /**
   * A view of [offset, offset + length), inside one such part, at the address `at`, which lies in a range that the
   * caller reserved.
   * Offset, length and address are multiples of the page size.
   * @throws ProbarError region-outside, region-misaligned, region-unmappable
   */
  map(offset: number, length: number, at: Va): RegionView
}

/** Bytes [offset, offset + length) of a region. */
export interface RegionArea {
  readonly offset: number
  readonly length: number
}

/** A mapped part of a BAR; offsets count from the start of the view. */
export interface RegionView extends RegisterAccess, Disposable {
  readonly address: Va
  readonly length: number
  close(): void
}

/** What the device may do with mapped memory, seen from the device: `read` lets it read. */
export type DmaAccess = 'read' | 'write' | 'both'

/** The memory behind frames: one linear home view of the whole frame store. */
export interface HostMemory {
  /** The native area of the home view. */
  readonly area: number
  readonly address: Va
  /** Bytes, a multiple of the page size. */
  readonly size: number
  read(offset: number, length: number): Uint8Array
  write(offset: number, bytes: Uint8Array): void
}

/** Frames by their index in the home view: frame i is the page at `i * 4096`. */
export interface Frames {
  readonly memory: HostMemory
  readonly indices: Uint32Array
}

/**
 * Where a mapping goes on the bus. `scatter` puts runs apart from one another, `join` puts all of them into one
 * range, `at` names the first address of such a range. `addressBits` keeps them below 2^addressBits, for a user whose
 * reach is less than the domain's.
 */
export type Placement =
  | { readonly kind: 'scatter' | 'join'; readonly addressBits?: number }
  | { readonly kind: 'at'; readonly bus: BusAddress }

export interface Aperture {
  readonly first: BusAddress
  /** Inclusive. */
  readonly last: BusAddress
}

export interface DmaCapabilities {
  /** The kernel's interface behind it, where there is one: `type1`, `type1v2`, `iommufd`. */
  readonly interface?: string
  /** Who chooses bus addresses: `caller`, `platform`, or nobody (`identity`). */
  readonly placement: 'caller' | 'platform' | 'identity'
  /** An unmapped or forbidden access is refused, by an IOMMU. */
  readonly revocable: boolean
  /**
   * The device cannot read memory that is mapped for writing only. Not so behind VT-d: its Linux driver sets the
   * present bit of every entry, which second-level tables take as the permission to read (measured with 6.1; kernel:
   * drivers/iommu/intel/iommu.c, DMA_FL_PTE_PRESENT).
   */
  readonly writeOnly: boolean
  /** Mappings that may exist at once. */
  readonly maxEntries: number
  /** Bytes of the smallest page. */
  readonly pageSize: number
  /** Ascending; already clipped to the device's address width. */
  readonly apertures: readonly Aperture[]
  /** Bits of the device's bus addresses. */
  readonly addressBits: number
}

/** The device's own address space on the bus. */
export interface DmaDomain {
  readonly capabilities: DmaCapabilities
  /** Mappings that are alive. */
  readonly entries: number
  /**
   * Maps frames in their order. Adjacent frames become one segment. Nothing stays mapped when it throws.
   * @throws ProbarError dma-empty, dma-outside-aperture, dma-range-overflow, dma-misaligned, dma-overlap,
   *   dma-entries-exhausted, out-of-memory
   */
  map(frames: Frames, access: DmaAccess, placement?: Placement): Mapping
}

export interface Mapping extends Disposable {
  /** Bus addresses in frame order; lengths sum to `size`. */
  readonly segments: Segments
  readonly access: DmaAccess
  /** Bytes. */
  readonly size: number
  /**
   * Ends the translation; returns the bytes that the platform says it unmapped.
   * @throws ProbarError dma-unmapped when it was unmapped before
   */
  unmap(): number
}

export type InterruptKind = 'intx' | 'msi' | 'msix'

export interface WaitOptions {
  /** Milliseconds on the device's clock. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Interrupts {
  /** Vectors of each kind that the device has. */
  readonly vectors: Readonly<Record<InterruptKind, number>>
  /** Kinds that the platform can mask. */
  readonly maskable: Readonly<Record<InterruptKind, boolean>>
  /**
   * Counts start at 0. How many there are is fixed until `disable`: with MSI no platform can have more of them later.
   * @throws ProbarError interrupt-unavailable, or capability-missing while any are enabled
   */
  enable(kind: InterruptKind, vectors: number): void
  /** Rejects what still waits with `cancelled`. Harmless when nothing is enabled. */
  disable(): void
  /** Interrupts of the vector since it was enabled. */
  count(vector: number): number
  /**
   * Resolves with the count as soon as it is above `after`, at once if it is already.
   * @throws ProbarError timeout, cancelled, interrupt-unavailable
   */
  wait(vector: number, after: number, options: WaitOptions): Promise<number>
  /**
   * Raises the vector in the platform, without the device: it witnesses the platform's path only. A masked one counts
   * too.
   */
  trigger(vector: number): void
  /**
   * Keeps the vector from firing until `unmask`.
   * @throws ProbarError capability-missing where the kind cannot be masked, interrupt-unavailable when not enabled
   */
  mask(vector: number): void
  /**
   * Lets the vector fire again. INTx is a level: the platform masks it each time it fires, so that it counts once, and
   * here it counts again at once if the device still asserts it. Quiet the device first.
   * @throws ProbarError as `mask`
   */
  unmask(vector: number): void
}

/** What the platform tells of the device itself: `request` that it wants it back, `error` that it failed on the bus. */
export type NoticeKind = 'request' | 'error'

/** Notices are final: what waits, and what would wait later, ends with their error. The device is to be closed. */
export interface Notices {
  /** Those that the platform sends. */
  readonly kinds: readonly NoticeKind[]
  /**
   * Aborted by the first notice. Its reason is the ProbarError: `device-gone` for a device that is being unplugged or
   * unbound, which still answers until it is closed, and whose remover waits for that; `bus-error` for one that reported
   * an error which it cannot correct.
   */
  readonly gone: AbortSignal
  /** Sends a notice in the platform, without cause: it witnesses the platform's path only. @throws ProbarError capability-missing */
  trigger(kind: NoticeKind): void
}

/** An access by the device that an IOMMU refused. */
export interface Fault {
  /** PCI address of the requester. */
  readonly device: string
  /** The page that was touched; the platform may drop the low 12 bits. */
  readonly address: BusAddress
  readonly direction: 'read' | 'write'
  readonly reason: string
}

/** Where the platform shows refused accesses. The memory stays the primary oracle: this is a second witness. */
export interface FaultLog {
  readonly observable: boolean
  /**
   * Begins to watch, after whatever pause the platform needs before it reports the next fault for sure.
   * @throws ProbarError capability-missing when faults are not observable
   */
  watch(signal?: AbortSignal): Promise<FaultWatch>
}

export interface FaultWatch extends Disposable {
  /**
   * The next fault of this device since the watch began, or undefined when none came in time.
   * @throws ProbarError witness-suppressed when the platform dropped reports: then absence means nothing
   */
  next(options: WaitOptions): Promise<Fault | undefined>
}
