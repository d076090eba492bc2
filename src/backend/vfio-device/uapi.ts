/** Constants of the kernel's include/uapi/linux/vfio.h. */
export const RegionIndex = { bar0: 0, rom: 6, config: 7 } as const
export const InterruptIndex = { intx: 0, msi: 1, msix: 2 } as const
export const NoticeIndex = { error: 3, request: 4 } as const
export const InterruptFlag = { maskable: 2 } as const
export const RegionFlag = { read: 1, write: 2, mmap: 4 } as const
export const DeviceFlag = { reset: 1 } as const
export const DmaFlag = { read: 1, write: 2 } as const
