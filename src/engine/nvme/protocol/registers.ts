import { ProbarError } from '../../../base/errors.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'

/**
 * Registers of an NVM Express controller, offsets in BAR 0 in bytes (NVM Express Base Specification 1.4, section 3.1).
 * Those of 8 bytes may be accessed by halves.
 */
export const Register = {
  /** RO, 8 bytes: Controller Capabilities. */
  capabilities: 0x00,
  /** RO: Version. */
  version: 0x08,
  /** RW1S: Interrupt Mask Set, for interrupts by pin and MSI; not to be used with MSI-X. */
  interruptMaskSet: 0x0c,
  /** RW1C: Interrupt Mask Clear. */
  interruptMaskClear: 0x10,
  /** RW: Controller Configuration (CC). */
  configuration: 0x14,
  /** RO: Controller Status (CSTS). */
  status: 0x1c,
  /** RW: entries of the admin queues, one less each (AQA). */
  adminQueueAttributes: 0x24,
  /** RW, 8 bytes (ASQ). */
  adminSubmissionQueue: 0x28,
  /** RW, 8 bytes (ACQ). */
  adminCompletionQueue: 0x30,
  doorbells: 0x1000,
} as const

/** CC, section 3.1.5. */
export const Configuration = {
  enable: 0x1,
  /** Entries of the I/O queues: 2^6 and 2^4 bytes; pages of 4 KiB; NVM command set; round robin. */
  whole: (6 << 16) | (4 << 20),
} as const

/** CSTS, section 3.1.6. */
export const Status = { ready: 0x1, fatal: 0x2 } as const

/** What CAP says, section 3.1.1. */
export interface Capabilities {
  /** Entries that a queue may have. */
  readonly queueEntries: number
  /** Milliseconds that the controller may take to become ready, or to cease to be. */
  readonly timeoutMs: number
  /** Bytes between two doorbells. */
  readonly doorbellStride: number
  /** Bytes of the smallest and the largest memory page. */
  readonly pageSizes: readonly [least: number, most: number]
  /** It has the NVM command set. */
  readonly nvm: boolean
}

export function decodeCapabilities(value: bigint): Capabilities {
  const field = (low: number, bits: number): number => Number((value >> BigInt(low)) & ((1n << BigInt(bits)) - 1n))
  return {
    queueEntries: field(0, 16) + 1,
    // 0 is not a time that a driver could wait for: one unit then
    timeoutMs: Math.max(1, field(24, 8)) * 500,
    doorbellStride: 4 << field(32, 4),
    pageSizes: [2 ** (12 + field(48, 4)), 2 ** (12 + field(52, 4))],
    nvm: (field(37, 8) & 1) === 1,
  }
}

/** @throws ProbarError capability-missing for a controller that this engine cannot drive */
export function checkCapabilities({ queueEntries, pageSizes, nvm }: Capabilities): void {
  const problem = !nvm
    ? 'has no NVM command set'
    : pageSizes[0] > PAGE_SIZE
      ? `has memory pages of ${pageSizes[0]} bytes and more, not of ${PAGE_SIZE}`
      : queueEntries < 2
        ? 'has queues of one entry'
        : undefined
  if (problem !== undefined) throw new ProbarError('capability-missing', `the controller ${problem} (CAP)`)
}

/** Offsets of the doorbells of a pair of queues, section 3.1.24 and 3.1.25. */
export function doorbellsOf(queue: number, stride: number): { readonly tail: number; readonly head: number } {
  return { tail: Register.doorbells + 2 * queue * stride, head: Register.doorbells + (2 * queue + 1) * stride }
}

/** @throws ProbarError device-gone, device-error */
export function checkStatus(status: number): void {
  if (status === 0xffff_ffff) {
    throw new ProbarError('device-gone', 'the controller answers with all ones: it left the bus')
  }
  if ((status & Status.fatal) !== 0) {
    throw new ProbarError('device-error', 'the controller reports a fatal error (CSTS.CFS): reset the device')
  }
}
