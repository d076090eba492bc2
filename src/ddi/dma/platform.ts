/**
 * The platform and the options that a DMA adapter meets: what on Windows comes from firmware, from the registry and from
 * Driver Verifier. A case sets them before it asks for an adapter, which keeps what it found then; all but
 * `mapRegisters`, which is shared.
 */
export interface DmaPlatform {
  /**
   * The driver is opted in to DMA remapping (DMA-060). Without it map registers are bounce pages: what lies above the
   * device's reach is copied (DMA-028, DMA-046). Where the domain's placement is `identity` there is nothing to remap.
   */
  remapping: boolean
  /**
   * Driver Verifier's flag 0x80 (VER-001): where Windows documents both a status and a code of bug check 0xE6 for a
   * misuse, it is the bug check then; common buffers stand between tags. Misuse without a status is a bug check either
   * way (ERR-30).
   */
  verification: boolean
  /** Map registers of all adapters together; who needs more than are free waits (DMA-022). */
  mapRegisters: number
  /** Bytes of the longest element of a list, 1 to 2^32 - 1. */
  longestElement: number
  /** No element lies across a multiple of this many bytes, a power of two of a page or more; 0 for none. */
  boundary: number
  /** Bytes to which buffers and their lengths are aligned (DMA-015), a power of two; 1 on x64. */
  alignment: number
}

/** Windows on x64 with an IOMMU, under Driver Verifier. */
export const newPlatform = (): DmaPlatform => ({
  remapping: true,
  verification: true,
  mapRegisters: Number.POSITIVE_INFINITY,
  longestElement: 0xffff_ffff,
  boundary: 0,
  alignment: 1,
})
