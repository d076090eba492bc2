/**
 * Every failure that Probar reports has a stable code; the text beside it says what to do next.
 * The codes are part of the public interface: tools match on them, so one is never renamed.
 */
export type ErrorCode =
  // what the user asked for
  | 'usage'
  | 'reference-unknown'
  | 'profile-unknown'
  | 'profile-invalid'
  | 'profile-ambiguous'
  | 'profile-mismatch'
  | 'record-invalid'
  | 'dump-invalid'
  // the machine is not ready
  | 'device-absent'
  | 'device-driver'
  | 'device-busy'
  | 'device-protected'
  | 'permission-denied'
  | 'iommu-unavailable'
  | 'group-not-viable'
  | 'addon-missing'
  | 'module-missing'
  | 'journal-invalid'
  | 'lab-tool-missing'
  | 'lab-boot-failed'
  | 'lab-timeout'
  | 'lab-guest-stuck'
  | 'lab-refused'
  // a register or a BAR
  | 'region-absent'
  | 'region-outside'
  | 'region-misaligned'
  | 'region-unmappable'
  | 'register-width'
  | 'device-gone'
  | 'device-asleep'
  | 'device-error'
  | 'decoding-off'
  | 'bus-error'
  // a DMA mapping
  | 'dma-outside-aperture'
  | 'dma-misaligned'
  | 'dma-overlap'
  | 'dma-range-overflow'
  | 'dma-would-split'
  | 'dma-unmapped'
  | 'dma-unmap-short'
  | 'dma-entries-exhausted'
  | 'dma-empty'
  // memory
  | 'access-violation'
  | 'range-outside'
  | 'out-of-memory'
  // anything that waits
  | 'timeout'
  | 'cancelled'
  | 'interrupt-unavailable'
  // state
  | 'closed'
  | 'capability-missing'
  | 'witness-suppressed'
  | 'os-error'
  | 'caller-error'
  | 'nt-status'
  | 'bugcheck'
  | 'internal'

export interface ErrorOptions {
  readonly cause?: unknown
}

/** The base of all errors that Probar throws on purpose. */
export class ProbarError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
  }
}

/** A system call that failed: `errno` is its positive number, `syscall` its name as the manual spells it. */
export class OsError extends ProbarError {
  readonly errno: number
  readonly syscall: string

  constructor(code: ErrorCode, message: string, errno: number, syscall: string, options: ErrorOptions = {}) {
    super(code, message, options)
    this.errno = errno
    this.syscall = syscall
  }
}

/** A status that a Windows routine raises instead of returning, as MmProbeAndLockPages does (MDL-051). */
export class NtStatusError extends ProbarError {
  readonly status: number

  constructor(status: number, message: string, options: ErrorOptions = {}) {
    super('nt-status', message, options)
    this.status = status >>> 0
  }
}

/** Misuse that would stop Windows: the bug check's code and its four parameters. */
export class BugCheck extends ProbarError {
  readonly bugCheckCode: number
  readonly parameters: readonly bigint[]

  constructor(bugCheckCode: number, parameters: readonly bigint[], message: string, options: ErrorOptions = {}) {
    super('bugcheck', message, options)
    this.bugCheckCode = bugCheckCode
    this.parameters = parameters
  }
}

/** The code of an error that Probar threw, or undefined for anything else. */
export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof ProbarError ? error.code : undefined
}
