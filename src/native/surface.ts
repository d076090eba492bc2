import type { RegisterSurface } from './register-surface.ts'

/**
 * What the layers above may ask of native code. `MemorySurface` is offered by the addon and, without a compiler, by
 * koffi over the C library; `VfioSurface` by the addon alone.
 *
 * An *area* is a number that names a piece of this process's address space: a home view, a view of frames or a mapped
 * BAR. Numbers are never reused. Each environment (worker thread) has its own areas and frees them when it ends.
 * Every function throws OsError or ProbarError and none ends the process: an access that faults becomes
 * `access-violation`, or `device-gone` when the memory behind it vanished (SIGBUS).
 */
export type Area = number

/** 0 no access, 1 read, 3 read and write. */
export const Protection = { none: 0, read: 1, readWrite: 3 } as const
export type Protection = (typeof Protection)[keyof typeof Protection]

/** Lists for a device, written in the layout that a driver reads. Offered by the addon and by koffi. */
export interface ListSurface {
  /**
   * Writes the SCATTER_GATHER_ELEMENTs (wdm.h, x64: 24 bytes, Address at 0, Length at 8, Reserved zeroed at 16) of the part
   * [offset, offset + length) of the bytes that the segments describe. Segments that follow one another on the bus are
   * joined; an element ends at the latest where it is `longest` bytes long, or at a multiple of `boundary`.
   *
   * An empty `target` counts only. Elements that find no room are counted and not written, so that what it returns is
   * always the number that the part needs.
   * @param target where the first element goes; room for as many as fit whole
   * @param bus the segments' bus addresses, and `lengths` their bytes: as `Segments` has them
   * @param longest bytes, 1 to 2^32 - 1
   * @param boundary bytes, a power of two, or 0 for none
   * @returns the number of elements
   * @throws range-outside when the segments end before the part does, or a limit is not as above
   */
  writeElements(
    target: Uint8Array,
    bus: BigUint64Array,
    lengths: Float64Array,
    offset: number,
    length: number,
    longest: number,
    boundary: number,
  ): number
}

export interface MemorySurface extends ListSurface {
  readonly provider: 'addon' | 'koffi'

  /**
   * An anonymous file of `bytes` (a multiple of the page size, zero filled) and one linear home view of it.
   * @param hugePages of 2 MiB, pinned: they stay where they are. Linux needs /dev/udmabuf for it; koffi has none.
   * @throws out-of-memory, also when too few huge pages are reserved; capability-missing, permission-denied
   */
  createMemory(bytes: number, hugePages?: boolean): Area
  /** Address space of `bytes` that nobody may touch until something is mapped there. */
  reserve(bytes: number): Area
  /**
   * Maps frames (page indices into `memory`, in order) at `address` into reserved space, adjacent frames in one step.
   * @throws range-outside when [address, address + pages) is not inside one reservation of this environment, or a frame is not inside the memory
   */
  mapFrames(address: number, memory: Area, frames: Uint32Array, protection: Protection): Area
  protect(area: Area, protection: Protection): void
  /** The first byte's address. */
  address(area: Area): number
  /** Bytes. */
  size(area: Area): number
  /**
   * Gives the area back; a view's place becomes reserved space again. A reservation ends the views in it too.
   * Releasing twice throws `closed`.
   */
  release(area: Area): void

  /**
   * A copy of the bytes. A mapped BAR has no block access (`register-width`): only the loads and stores below.
   * @throws range-outside (region-outside for a BAR), access-violation, closed (so do all accessors below)
   */
  read(area: Area, offset: number, length: number): Uint8Array
  write(area: Area, offset: number, source: Uint8Array): void
  fill(area: Area, offset: number, length: number, byte: number): void
  /** Fills whole pages, given by their indices in the area, with one byte. Those before one that is refused are filled. */
  fillPages(area: Area, pages: Uint32Array, byte: number): void
  /** Index of the first byte that differs from `expected`, or -1. */
  compare(area: Area, offset: number, expected: Uint8Array): number
  copy(to: Area, toOffset: number, from: Area, fromOffset: number, length: number): void
  /**
   * The area as JavaScript memory; with the addon it is detached when the area is released or protected. koffi offers
   * home views only, because it cannot detach (`addon-missing`). Never offered for a BAR, whose accesses engines merge,
   * split and drop (`register-width`), nor for protected pages (`access-violation`).
   */
  bytes(area: Area): ArrayBuffer

  /**
   * One load or store of exactly that width; the offset is a multiple of it, a value unsigned and of that width.
   * @throws region-misaligned, range-outside for a value that does not fit, device-gone for a BAR that has vanished
   */
  load8(area: Area, offset: number): number
  load16(area: Area, offset: number): number
  load32(area: Area, offset: number): number
  load64(area: Area, offset: number): bigint
  store8(area: Area, offset: number, value: number): void
  store16(area: Area, offset: number, value: number): void
  store32(area: Area, offset: number, value: number): void
  store64(area: Area, offset: number, value: bigint): void
}

/** Numbers that name descriptors held by the addon. */
export type Container = number
export type Group = number
export type DeviceFile = number
export type Iommufd = number
export type InterruptSet = number

export interface VfioIommuInfo {
  /** Bit n set: pages of 2^n bytes. */
  readonly pageSizes: bigint
  /** first, last, first, last, … inclusive. Empty when the kernel does not tell. */
  readonly ranges: BigUint64Array
  /** Mappings that the kernel still grants, or -1 when it does not tell. */
  readonly available: number
}

export interface VfioDeviceInfo {
  /** VFIO_DEVICE_FLAGS_* */
  readonly flags: number
  readonly regions: number
  readonly interrupts: number
}

export interface VfioRegionInfo {
  /** VFIO_REGION_INFO_FLAG_* : 1 read, 2 write, 4 mmap, 8 capabilities. */
  readonly flags: number
  /** Bytes. */
  readonly size: number
  /** Offset within the device file. */
  readonly offset: bigint
  /** offset, size, offset, size, … of the parts that may be mapped, each inside the region. */
  readonly mappable: BigUint64Array
}

export interface VfioInterruptInfo {
  /** VFIO_IRQ_INFO_* : 1 eventfd, 2 maskable, 4 masked when it fires, 8 no more vectors while enabled. */
  readonly flags: number
  readonly count: number
}

/** What a reset of the device's slot or bus takes along. */
export interface VfioHotResetInfo {
  /** `owner` of each function: its id in the iommufd (0: needs no owner) when true, else the number of its group. */
  readonly byId: boolean
  /** Told with ids only: all of them are held by the same iommufd, or by nobody. */
  readonly owned: boolean
  readonly devices: readonly {
    readonly owner: number
    readonly segment: number
    readonly bus: number
    readonly devfn: number
  }[]
}

/** Linux VFIO through /dev/vfio, type 1 IOMMU (kernel: include/uapi/linux/vfio.h). */
export interface VfioSurface extends RegisterSurface {
  /** Opens /dev/vfio/vfio and checks its API version. */
  openContainer(): Container
  /** Opens a group file, checks that it is viable and puts it into the container. @throws group-not-viable */
  openGroup(container: Container, path: string): Group
  /** VFIO_SET_IOMMU with type1v2 (3) or type1 (1). */
  setIommu(container: Container, type: number): void
  iommuInfo(container: Container): VfioIommuInfo
  openDevice(group: Group, name: string): DeviceFile
  closeDescriptor(descriptor: number): void

  deviceInfo(device: DeviceFile): VfioDeviceInfo
  regionInfo(device: DeviceFile, index: number): VfioRegionInfo
  interruptInfo(device: DeviceFile, index: number): VfioInterruptInfo
  /** The function alone. @throws capability-missing */
  reset(device: DeviceFile): void
  /** @throws capability-missing where the kernel cannot reset slot or bus */
  hotResetInfo(device: DeviceFile): VfioHotResetInfo
  /** Of slot or bus, which is all ours: of one group, or of one iommufd. @throws capability-missing when it is not */
  hotReset(device: DeviceFile, group?: Group): void

  /** Maps part of a region at `address`, in reserved space, or anywhere when it is 0. Loads and stores are guarded. */
  mapRegion(device: DeviceFile, index: number, offset: number, length: number, address: number): Area
  /** Access by pread and pwrite; `width` is 1, 2, 4 or 8 bytes. */
  readRegion(device: DeviceFile, index: number, offset: number, width: number): bigint
  writeRegion(device: DeviceFile, index: number, offset: number, width: number, value: bigint): void

  /**
   * `flags`: 1 the device may read, 2 it may write. `area` and `offset` name the memory.
   * @throws dma-overlap, dma-outside-aperture, dma-range-overflow, dma-misaligned, dma-entries-exhausted, out-of-memory
   */
  mapDma(container: Container, area: Area, offset: number, size: number, iova: bigint, flags: number): void
  /**
   * Returns the bytes that the kernel says it unmapped; 0 when nothing was mapped there. A range may hold many mappings.
   * Of one that begins or ends inside a mapping version 1 unmaps every mapping whose first byte it holds, all of it, and
   * stops at one that began before; version 2 unmaps nothing.
   * @throws dma-would-split from version 2, dma-misaligned, dma-range-overflow
   */
  unmapDma(container: Container, iova: bigint, size: bigint): number

  /**
   * Arms `count` vectors of an interrupt index with eventfds. A thread waits on them and calls `notify` with the vector
   * and the number of interrupts since the last call. Does not keep the process alive. A level-triggered line is masked
   * by the kernel when it fires.
   */
  armInterrupts(
    device: DeviceFile,
    index: number,
    count: number,
    notify: (vector: number, fired: number) => void,
  ): InterruptSet
  /** VFIO_IRQ_SET_ACTION_TRIGGER by software. */
  triggerInterrupt(set: InterruptSet, vector: number): void
  /** VFIO_IRQ_SET_ACTION_MASK and UNMASK: level-triggered lines only. @throws interrupt-unavailable */
  maskInterrupt(set: InterruptSet, vector: number): void
  unmaskInterrupt(set: InterruptSet, vector: number): void
  /** Disarms, ends the thread and closes the eventfds. */
  disarmInterrupts(set: InterruptSet): void
}

/** Where memory really lies, for devices that no IOMMU stands in front of. */
export interface PhysicalSurface {
  /**
   * The number of the physical page (address >> 12) behind each page of a memory of huge pages.
   * @throws capability-missing for other memory, whose pages may move; permission-denied without CAP_SYS_ADMIN
   */
  physicalFrames(memory: Area): Float64Array
}

export interface IoasRanges {
  /** first, last, first, last, … inclusive, ascending. */
  readonly ranges: BigUint64Array
  /** Bus addresses of mappings are multiples of this many bytes. */
  readonly alignment: number
}

/** Linux iommufd: /dev/iommu and the device's own file (kernel: include/uapi/linux/iommufd.h, vfio.h). */
export interface IommufdSurface {
  /** Opens /dev/iommu. @throws iommu-unavailable, permission-denied */
  openIommufd(): Iommufd
  /** Opens /dev/vfio/devices/vfioN, which answers to nothing until it is bound. */
  openDeviceFile(path: string): DeviceFile
  /** Takes the device; returns its id in this iommufd. @throws device-busy, permission-denied, iommu-unavailable */
  bindIommufd(device: DeviceFile, iommufd: Iommufd): number
  /** A new I/O address space; returns its id. */
  allocateIoas(iommufd: Iommufd): number
  /** Puts the device into an address space; returns the id of the page table that the kernel made for it. */
  attachIoas(device: DeviceFile, ioas: number): number
  /** Takes the device out of its address space: from here on it reaches no memory. */
  detachIoas(device: DeviceFile): void
  destroyIommuObject(iommufd: Iommufd, id: number): void
  /** What every attached device can be mapped: ask after attaching. */
  ioasRanges(iommufd: Iommufd, ioas: number): IoasRanges
  /** As `mapDma`, at exactly this bus address. */
  mapIoas(iommufd: Iommufd, ioas: number, area: Area, offset: number, size: number, iova: bigint, flags: number): void
  /**
   * Returns the bytes that were unmapped. A range may hold many mappings; those before one that it would cut are gone.
   * @throws dma-unmapped when no whole mapping lies there, or it would cut one; dma-range-overflow
   */
  unmapIoas(iommufd: Iommufd, ioas: number, iova: bigint, size: bigint): number
}

/** Locks of open files (flock(2)). Offered by the addon and by koffi. */
export interface FileLockSurface {
  /**
   * Locks the open file, for this process and for whoever inherits the descriptor, without waiting. The kernel ends the
   * lock when the last copy of the descriptor is closed, whatever closes it.
   * @returns false when someone else holds it
   * @throws os-error
   */
  lockFile(descriptor: number): boolean
}

/** What the addon module exports: all surfaces, and the hook by which it makes Probar's own errors. */
export interface Addon extends MemorySurface, VfioSurface, IommufdSurface, PhysicalSurface, FileLockSurface {
  /**
   * `make` turns a failure into the error that is thrown. For a failed system call `syscall` is its name and `errno`
   * is positive; else they are '' and 0.
   */
  setErrorFactory(make: (code: string, message: string, errno: number, syscall: string) => Error): void
}
