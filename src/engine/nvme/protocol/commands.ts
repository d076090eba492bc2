import type { BusAddress } from '../../../base/address.ts'

/**
 * Commands of 64 bytes as they lie in a submission queue (NVM Express Base Specification 1.4, section 4.2), without the
 * identifier, which the queue gives them. All fields are little endian.
 */
export type Command = Uint8Array

export const COMMAND_SIZE = 64

/** Where the data are: PRP entries 1 and 2, or the one SGL descriptor of 16 bytes (section 4.2, DPTR). */
export interface DataPointer {
  readonly kind: 'prp' | 'sgl'
  /** 16 bytes. */
  readonly bytes: Uint8Array
}

/** Section 5, figure 139. */
const Admin = {
  deleteSubmissionQueue: 0x00,
  createSubmissionQueue: 0x01,
  getLogPage: 0x02,
  deleteCompletionQueue: 0x04,
  createCompletionQueue: 0x05,
  identify: 0x06,
  setFeatures: 0x09,
  getFeatures: 0x0a,
} as const

/** Section 6, figure 346. */
const Io = { write: 0x01, read: 0x02 } as const

/** Section 5.21.1.7. */
const NUMBER_OF_QUEUES = 0x07
/** PSDT: the data pointer holds an SGL, no metadata (section 4.2). */
const BY_SGL = 1 << 14

interface Fields {
  readonly opcode: number
  readonly namespace?: number
  readonly data?: DataPointer
  /** Dwords from 10 on. */
  readonly dwords?: readonly number[]
}

function command({ opcode, namespace = 0, data, dwords = [] }: Fields): Command {
  const bytes = new Uint8Array(COMMAND_SIZE)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, opcode | (data?.kind === 'sgl' ? BY_SGL : 0), true)
  view.setUint32(4, namespace, true)
  if (data !== undefined) bytes.set(data.bytes, 24)
  for (const [index, dword] of dwords.entries()) view.setUint32(40 + 4 * index, dword, true)
  return bytes
}

/** PRP entry 1 alone: one page, or less. */
export function onePage(at: BusAddress): DataPointer {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, at, true)
  return { kind: 'prp', bytes }
}

/** Identify, section 5.15. @param subject what is asked for; the answer has 4096 bytes */
export function identify(subject: 'controller' | { readonly namespace: number }, data: DataPointer): Command {
  const { identify: opcode } = Admin
  if (subject === 'controller') return command({ opcode, data, dwords: [1] })
  return command({ opcode, namespace: subject.namespace, data, dwords: [0] })
}

/** Get Log Page for Firmware Slot Information, section 5.14.1.3. @param bytes a multiple of 4, at most 512 */
export function getFirmwareLog(bytes: number, data: DataPointer): Command {
  const dwords = bytes / 4 - 1
  return command({ opcode: Admin.getLogPage, namespace: 0xffff_ffff, data, dwords: [((dwords << 16) | 0x03) >>> 0] })
}

/** Set Features, Number of Queues. The result tells how many there are: see `grantedQueues`. */
export function requestQueues(pairs: number): Command {
  const asked = (((pairs - 1) << 16) | (pairs - 1)) >>> 0
  return command({ opcode: Admin.setFeatures, dwords: [NUMBER_OF_QUEUES, asked] })
}

/** Get Features, Number of Queues: a command without data and without effect. */
export const askQueues = (): Command => command({ opcode: Admin.getFeatures, dwords: [NUMBER_OF_QUEUES] })

/** Pairs of I/O queues by the result of the Number of Queues feature, both numbers one less there. */
export const grantedQueues = (result: number): number => Math.min(result & 0xffff, result >>> 16) + 1

export interface QueuePlace {
  readonly id: number
  readonly entries: number
  /** The page that holds it. */
  readonly at: BusAddress
}

/** Create I/O Completion Queue, section 5.3. @param vector that it interrupts by; none when undefined */
export function createCompletionQueue({ id, entries, at }: QueuePlace, vector: number | undefined): Command {
  const interrupts = vector === undefined ? 0 : ((vector << 16) | 0x2) >>> 0
  const dwords = [(((entries - 1) << 16) | id) >>> 0, (interrupts | 0x1) >>> 0]
  return command({ opcode: Admin.createCompletionQueue, data: onePage(at), dwords })
}

/** Create I/O Submission Queue, section 5.4; its completion queue has the same number. */
export function createSubmissionQueue({ id, entries, at }: QueuePlace): Command {
  const dwords = [(((entries - 1) << 16) | id) >>> 0, ((id << 16) | 0x1) >>> 0]
  return command({ opcode: Admin.createSubmissionQueue, data: onePage(at), dwords })
}

/** Delete I/O Submission Queue, section 5.6: every command in it is over when this is completed. */
export const deleteSubmissionQueue = (id: number): Command =>
  command({ opcode: Admin.deleteSubmissionQueue, dwords: [id] })

/** Delete I/O Completion Queue, section 5.5; its submission queue goes first. */
export const deleteCompletionQueue = (id: number): Command =>
  command({ opcode: Admin.deleteCompletionQueue, dwords: [id] })

export interface BlockRange {
  readonly namespace: number
  readonly first: number
  /** 1 to 65,536. */
  readonly count: number
}

/** The controller reads memory and writes blocks, section 6.15. */
export const writeBlocks = (range: BlockRange, data: DataPointer): Command => blocks(Io.write, range, data)
/** The controller reads blocks and writes memory, section 6.9. */
export const readBlocks = (range: BlockRange, data: DataPointer): Command => blocks(Io.read, range, data)

function blocks(opcode: number, { namespace, first, count }: BlockRange, data: DataPointer): Command {
  const dwords = [first % 2 ** 32, Math.floor(first / 2 ** 32), count - 1]
  return command({ opcode, namespace, data, dwords })
}
