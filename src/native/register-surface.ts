import type { Area, DeviceFile } from './surface.ts'

/** Elements of a block: each is one access of its width. */
export type BlockElements = Uint8Array | Uint16Array | Uint32Array | BigUint64Array

/** Words of a program's report before the values that it read (native/registers/program.h). */
export const ReportWord = { status: 0, step: 1, values: 2, last: 3, errno: 4 } as const
export const REPORT_HEADER = 5

/** How a program ended. */
export const ProgramStatus = {
  done: 0n,
  /** A poll did not see what it waited for: `last` is what it read last. */
  missed: 1n,
  /** SIGBUS: what is mapped has vanished. */
  vanished: 2n,
  /** SIGSEGV: nothing is mapped, or the protection forbids it. */
  forbidden: 3n,
  /** pread or pwrite failed with `errno`. */
  failed: 4n,
} as const

/**
 * Many accesses in one crossing, in the addon alone. `area` is any area; accesses to a BAR have exactly the stated width.
 * @throws as load8 to store64, readRegion and writeRegion
 */
export interface RegisterSurface {
  /** Fills `into` from one offset after the other, or all from the same one when `fixed`. */
  loadBlock(area: Area, offset: number, into: BlockElements, fixed: boolean): void
  storeBlock(area: Area, offset: number, from: BlockElements, fixed: boolean): void
  /** The same by pread and pwrite, one call an element. */
  readRegionBlock(device: DeviceFile, index: number, offset: number, into: BlockElements, fixed: boolean): void
  writeRegionBlock(device: DeviceFile, index: number, offset: number, from: BlockElements, fixed: boolean): void
  /**
   * Runs a program (src/device/register-program/steps.ts has the layout). Whatever the words hold, all of them are checked
   * before the first access.
   * @param report REPORT_HEADER words, and one for each step that reads
   * @throws region-outside, region-misaligned, register-width, range-outside, with the step that is wrong
   */
  runProgram(area: Area, words: BigUint64Array, report: BigUint64Array): void
  /** The same by pread and pwrite, which have no accesses of 8 bytes (`register-width`). */
  runRegionProgram(device: DeviceFile, index: number, words: BigUint64Array, report: BigUint64Array): void
}
