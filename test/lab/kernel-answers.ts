export type Interface = 'type1' | 'type1v2' | 'iommufd'

/** What the kernel answers: bytes, or the code and errno of its refusal. */
type Answer = number | readonly [code: string, errno: number]

export const PAGE = 4096
/** Where the first of two mappings begins that lie side by side. */
export const BASE = 0x100_0000n
/** Their pages. */
export const MAPPED = { first: 4, second: 4 }
const [ENOENT, EEXIST, EINVAL, EOVERFLOW] = [2, 17, 22, 75]

/**
 * What each interface documents: type 1 in drivers/vfio/vfio_iommu_type1.c (vfio_dma_do_unmap), iommufd in
 * Documentation/userspace-api/iommufd.rst and include/uapi/linux/iommufd.h. Two mappings of four pages lie side by side;
 * ranges count pages from the first one. Then what is still mapped, in pages.
 */
export const UNMAPPING: Readonly<
  Record<string, { from: number; pages: number } & Readonly<Record<Interface, readonly [Answer, left: number]>>>
> = {
  'the middle of a mapping': {
    from: 1,
    pages: 2,
    type1: [0, 8],
    type1v2: [['dma-would-split', EINVAL], 8],
    iommufd: [['dma-unmapped', ENOENT], 8],
  },
  'the head of a mapping': {
    from: 0,
    pages: 1,
    type1: [4 * PAGE, 4],
    type1v2: [['dma-would-split', EINVAL], 8],
    iommufd: [['dma-unmapped', ENOENT], 8],
  },
  'the tail of a mapping': {
    from: 3,
    pages: 1,
    type1: [0, 8],
    type1v2: [['dma-would-split', EINVAL], 8],
    iommufd: [['dma-unmapped', ENOENT], 8],
  },
  'a mapping and half of the next': {
    from: 0,
    pages: 6,
    type1: [8 * PAGE, 0],
    type1v2: [['dma-would-split', EINVAL], 8],
    // The first is gone although the call failed.
    iommufd: [['dma-unmapped', ENOENT], 4],
  },
  'two mappings at once': {
    from: 0,
    pages: 8,
    type1: [8 * PAGE, 0],
    type1v2: [8 * PAGE, 0],
    iommufd: [8 * PAGE, 0],
  },
  'more than was mapped': {
    from: -2,
    pages: 16,
    type1: [8 * PAGE, 0],
    type1v2: [8 * PAGE, 0],
    iommufd: [8 * PAGE, 0],
  },
  'where nothing is mapped': {
    from: 16,
    pages: 1,
    type1: [0, 8],
    type1v2: [0, 8],
    iommufd: [['dma-unmapped', ENOENT], 8],
  },
}

export const MAPPING: Readonly<Record<string, { bus: bigint; pages: number } & Readonly<Record<Interface, Answer>>>> = {
  'over the end of 64 bits': {
    bus: 2n ** 64n - 4096n,
    pages: 2,
    type1: ['dma-range-overflow', EINVAL],
    type1v2: ['dma-range-overflow', EINVAL],
    iommufd: ['dma-range-overflow', EOVERFLOW],
  },
  'where interrupts are addressed': {
    bus: 0xfee0_0000n,
    pages: 1,
    type1: ['dma-outside-aperture', EINVAL],
    type1v2: ['dma-outside-aperture', EINVAL],
    iommufd: ['dma-outside-aperture', EINVAL],
  },
  'across the edge of that': {
    bus: 0xfedf_f000n,
    pages: 2,
    type1: ['dma-outside-aperture', EINVAL],
    type1v2: ['dma-outside-aperture', EINVAL],
    iommufd: ['dma-outside-aperture', EINVAL],
  },
  'off a page boundary': {
    bus: BASE + 0x10_0800n,
    pages: 1,
    type1: ['dma-misaligned', EINVAL],
    type1v2: ['dma-misaligned', EINVAL],
    iommufd: ['dma-misaligned', EINVAL],
  },
  'over a mapping': {
    bus: BASE + 0x1000n,
    pages: 1,
    type1: ['dma-overlap', EEXIST],
    type1v2: ['dma-overlap', EEXIST],
    iommufd: ['dma-overlap', EEXIST],
  },
}
