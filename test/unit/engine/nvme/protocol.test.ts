import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../../../src/base/address.ts'
import * as commands from '../../../../src/engine/nvme/protocol/commands.ts'
import { decodeCompletion, describeStatus, succeeded } from '../../../../src/engine/nvme/protocol/completion.ts'
import { decodeController, decodeNamespace } from '../../../../src/engine/nvme/protocol/identify.ts'
import {
  checkCapabilities,
  checkStatus,
  decodeCapabilities,
  doorbellsOf,
} from '../../../../src/engine/nvme/protocol/registers.ts'

/** Dwords of a command that are not 0, by their number. */
function dwords(command: Uint8Array): Readonly<Record<number, number>> {
  expect(command).toHaveLength(64)
  const view = new DataView(command.buffer)
  const all = Array.from({ length: 16 }, (_, index) => [index, view.getUint32(4 * index, true)] as const)
  return Object.fromEntries(all.filter(([, value]) => value !== 0))
}

const page = busAddress(0x1_2345_6000n)
const atPage = { 6: 0x2345_6000, 7: 0x1 }

describe('commands', () => {
  it.each([
    [
      'Identify Controller (5.15)',
      commands.identify('controller', commands.onePage(page)),
      { 0: 0x06, ...atPage, 10: 1 },
    ],
    ['Identify Namespace', commands.identify({ namespace: 3 }, commands.onePage(page)), { 0: 0x06, 1: 3, ...atPage }],
    [
      'Get Log Page (5.14): 512 bytes of Firmware Slot Information',
      commands.getFirmwareLog(512, commands.onePage(page)),
      { 0: 0x02, 1: 0xffff_ffff, ...atPage, 10: 0x007f_0003 },
    ],
    ['Set Features (5.21.1.7): 4 pairs of queues', commands.requestQueues(4), { 0: 0x09, 10: 7, 11: 0x0003_0003 }],
    ['Get Features (5.13)', commands.askQueues(), { 0: 0x0a, 10: 7 }],
    [
      'Create I/O Completion Queue (5.3) by interrupt',
      commands.createCompletionQueue({ id: 2, entries: 16, at: page }, 5),
      { 0: 0x05, ...atPage, 10: 0x000f_0002, 11: 0x0005_0003 },
    ],
    [
      'Create I/O Completion Queue without',
      commands.createCompletionQueue({ id: 2, entries: 16, at: page }, undefined),
      { 0: 0x05, ...atPage, 10: 0x000f_0002, 11: 1 },
    ],
    [
      'Create I/O Submission Queue (5.4)',
      commands.createSubmissionQueue({ id: 2, entries: 16, at: page }),
      { 0: 0x01, ...atPage, 10: 0x000f_0002, 11: 0x0002_0001 },
    ],
    ['Delete I/O Submission Queue (5.6)', commands.deleteSubmissionQueue(2), { 10: 2 }],
    ['Delete I/O Completion Queue (5.5)', commands.deleteCompletionQueue(2), { 0: 0x04, 10: 2 }],
    [
      'Write (6.15)',
      commands.writeBlocks({ namespace: 1, first: 0x1_0000_0002, count: 8 }, commands.onePage(page)),
      { 0: 0x01, 1: 1, ...atPage, 10: 2, 11: 1, 12: 7 },
    ],
    [
      'Read (6.9)',
      commands.readBlocks({ namespace: 1, first: 5, count: 1 }, commands.onePage(page)),
      { 0: 0x02, 1: 1, ...atPage, 10: 5 },
    ],
  ])('%s', (_, command, expected) => expect(dwords(command)).toEqual(expected))

  it('say by PSDT that the pointer is an SGL (4.2)', () => {
    const data = { kind: 'sgl', bytes: new Uint8Array(16).fill(0x11) } as const
    const command = commands.readBlocks({ namespace: 1, first: 0, count: 1 }, data)
    expect(dwords(command)).toEqual({ 0: 0x4002, 1: 1, 6: 0x1111_1111, 7: 0x1111_1111, 8: 0x1111_1111, 9: 0x1111_1111 })
  })

  it('ask for queues, of which the fewer of both kinds count', () => {
    expect([0x0040_0003, 0x0003_0040, 0xfffe_fffe].map(commands.grantedQueues)).toEqual([4, 4, 0xffff])
  })
})

describe('a completion (4.6)', () => {
  const entry = (last: number): Uint8Array => {
    const bytes = new Uint8Array(16)
    const view = new DataView(bytes.buffer)
    for (const [index, dword] of [0x1234_5678, 0, 0x0003_0009, last].entries()) view.setUint32(4 * index, dword, true)
    return bytes
  }

  it('has its fields where the specification has them', () => {
    expect(decodeCompletion(entry(0x0001_0042))).toEqual({
      result: 0x1234_5678,
      submissionHead: 9,
      submissionQueue: 3,
      command: 0x42,
      phase: 1,
      status: { type: 0, code: 0, doNotRetry: false },
    })
    expect(succeeded(decodeCompletion(entry(0x0001_0042)))).toBe(true)
  })

  it.each([
    [0x8008_0000, 'Data Transfer Error (status type 0, code 0x4, do not retry)'],
    [0x0101_0000, 'LBA Out of Range (status type 0, code 0x80)'],
    [0x0210_0000, 'Invalid Interrupt Vector (status type 1, code 0x8)'],
    [0x0502_0000, 'Unrecovered Read Error (status type 2, code 0x81)'],
    [0x0e02_0000, 'a status of the vendor (status type 7, code 0x1)'],
    [0x01fe_0000, 'a generic status (status type 0, code 0xff)'],
    [0x0802_0000, 'a reserved status (status type 4, code 0x1)'],
  ])('of dword 3 = 0x%s says %s', (last, text) => {
    const completion = decodeCompletion(entry(last))
    expect(describeStatus(completion.status)).toBe(text)
    expect(succeeded(completion)).toBe(false)
  })
})

describe('registers', () => {
  // As QEMU 7.2 has it: 2048 entries, 7.5 s, NVM and administration sets, pages of 4 KiB to 64 KiB.
  const QEMU = 0x0040_20a0_0f01_07ffn

  it('CAP of 3.1.1', () => {
    expect(decodeCapabilities(QEMU)).toEqual({
      queueEntries: 2048,
      timeoutMs: 7500,
      doorbellStride: 4,
      pageSizes: [4096, 65_536],
      nvm: true,
    })
    expect(decodeCapabilities(0x0002_0023_0000_0001n)).toMatchObject({
      queueEntries: 2,
      timeoutMs: 500,
      doorbellStride: 32,
      pageSizes: [16_384, 4096],
    })
  })

  it.each([
    ['without the NVM command set', QEMU & ~(1n << 37n)],
    ['whose smallest page has 8 KiB', QEMU | (1n << 48n)],
    ['with queues of one entry', QEMU & ~0xffffn],
  ])('a controller %s is refused', (_, value) => {
    expect(() => checkCapabilities(decodeCapabilities(value))).toThrow(
      expect.objectContaining({ code: 'capability-missing' }),
    )
    expect(() => checkCapabilities(decodeCapabilities(QEMU))).not.toThrow()
  })

  it('doorbells of 3.1.24 and 3.1.25', () => {
    expect(doorbellsOf(0, 4)).toEqual({ tail: 0x1000, head: 0x1004 })
    expect(doorbellsOf(3, 4)).toEqual({ tail: 0x1018, head: 0x101c })
    expect(doorbellsOf(2, 32)).toEqual({ tail: 0x1080, head: 0x10a0 })
  })

  it('CSTS: all ones are a controller that is gone, CFS one that failed', () => {
    expect(() => checkStatus(0xffff_ffff)).toThrow(expect.objectContaining({ code: 'device-gone' }))
    expect(() => checkStatus(3)).toThrow(expect.objectContaining({ code: 'device-error' }))
    expect(() => checkStatus(1)).not.toThrow()
  })
})

describe('Identify', () => {
  const bytes = (...fields: (readonly [number, readonly number[] | string])[]): Uint8Array => {
    const page = new Uint8Array(4096)
    for (const [at, value] of fields) page.set(typeof value === 'string' ? Buffer.from(value) : value, at)
    return page
  }

  it('Controller (5.15.2.2)', () => {
    const controller = bytes(
      [0, [0x36, 0x1b]],
      [4, 'probar              '],
      [24, 'QEMU NVMe Ctrl'.padEnd(40)],
      [64, '7.2.0   '],
      [77, [7]],
      [516, [1, 1]],
      [536, [1, 0, 1, 0]],
    )
    expect(decodeController(controller)).toEqual({
      vendor: 0x1b36,
      serial: 'probar',
      model: 'QEMU NVMe Ctrl',
      firmware: '7.2.0',
      maxTransfer: 524_288,
      namespaces: 257,
      sglAlignment: 1,
    })
    expect(decodeController(bytes([77, [5]]), 8192).maxTransfer).toBe(262_144)
    expect(decodeController(bytes()).maxTransfer).toBe(Infinity)
  })

  it.each([
    [0, undefined],
    [1, 1],
    [2, 4],
    [3, undefined],
  ])('SGLS %d', (support, alignment) => {
    expect(decodeController(bytes([536, [support]])).sglAlignment).toBe(alignment)
  })

  it('Namespace (5.15.2.1): the format that is in use', () => {
    const namespace = bytes([0, [0, 0, 2]], [26, [0x12]], [29, [0x09]], [128, [0, 0, 9]], [136, [8, 0, 12]])
    expect(decodeNamespace(namespace)).toEqual({ blocks: 0x2_0000n, blockSize: 4096, metadata: 8, protection: 1 })
  })
})
