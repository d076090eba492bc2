import { statusText } from './status-text.ts'

export const COMPLETION_SIZE = 16

/** An entry of a completion queue (NVM Express Base Specification 1.4, section 4.6). */
export interface Completion {
  /** Dword 0, whose meaning is the command's. */
  readonly result: number
  readonly submissionHead: number
  readonly submissionQueue: number
  /** Of the command that is completed. */
  readonly command: number
  /** Turns with every round through the queue; 1 in the first. */
  readonly phase: 0 | 1
  readonly status: CommandStatus
}

/** Section 4.6.1. */
export interface CommandStatus {
  readonly type: number
  readonly code: number
  /** The same command would fail again. */
  readonly doNotRetry: boolean
}

/** @param bytes 16 of them */
export function decodeCompletion(bytes: Uint8Array): Completion {
  const view = new DataView(bytes.buffer, bytes.byteOffset, COMPLETION_SIZE)
  const last = view.getUint32(12, true)
  return {
    result: view.getUint32(0, true),
    submissionHead: view.getUint16(8, true),
    submissionQueue: view.getUint16(10, true),
    command: view.getUint16(12, true),
    phase: ((last >>> 16) & 1) as 0 | 1,
    status: { type: (last >>> 25) & 0x7, code: (last >>> 17) & 0xff, doNotRetry: last >>> 31 === 1 },
  }
}

export const succeeded = ({ status }: Completion): boolean => status.type === 0 && status.code === 0

/** The controller could not move the data: so it says, if it notices, that an IOMMU refused an access (Data Transfer Error). */
export const couldNotReach = ({ status }: Completion): boolean => status.type === 0 && status.code === 0x04

/** For messages: `Data Transfer Error (status type 0, code 0x4)`. */
export function describeStatus({ type, code, doNotRetry }: CommandStatus): string {
  const text = statusText(type, code)
  return `${text} (status type ${type}, code 0x${code.toString(16)}${doNotRetry ? ', do not retry' : ''})`
}
