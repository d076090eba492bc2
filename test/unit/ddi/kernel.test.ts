import { describe, expect, it } from '@jest/globals'
import { BugCheck } from '../../../src/base/errors.ts'
import { KIRQL } from '../../../src/ddi/constants.ts'
import { CallerError, Ledger } from '../../../src/ddi/kernel/ledger.ts'
import { KSMAPPING } from '../../../src/ddi/layout/x64-ks.ts'
import { Bench, outcome } from './bench.ts'

const { PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL } = KIRQL

describe('the ledger', () => {
  it('keeps every misuse in order, whether it stopped the caller or not', () => {
    const ledger = new Ledger()
    ledger.note({ rule: 'A-1', routine: 'a', text: 'first' })
    expect(() => ledger.raise({ rule: 'A-2', routine: 'b', text: 'second' })).toThrow(CallerError)
    expect(ledger.entries.map(({ rule }) => rule)).toEqual(['A-1', 'A-2'])
  })

  it('stops the caller with the bug check and its parameter, where Windows has one', () => {
    const ledger = new Ledger()
    const bugCheck = { code: 0xc4, parameter: 0xb6 }
    let error: unknown
    try {
      ledger.raise({ rule: 'VER-012', routine: 'R', text: 'why', bugCheck })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(BugCheck)
    expect(error).toMatchObject({ code: 'bugcheck', bugCheckCode: 0xc4, parameters: [0xb6n, 0n, 0n, 0n] })
    expect(String(error)).toMatch(/R \(VER-012\): why/)
  })
})

describe('the IRQL', () => {
  it('is PASSIVE_LEVEL at first, and what it was raised and lowered to', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    expect(kernel.KeGetCurrentIrql()).toBe(PASSIVE_LEVEL)
    expect(kernel.KeRaiseIrql(APC_LEVEL)).toBe(PASSIVE_LEVEL)
    expect(kernel.KeRaiseIrql(DISPATCH_LEVEL)).toBe(APC_LEVEL)
    kernel.KeLowerIrql(APC_LEVEL)
    expect(kernel.KeGetCurrentIrql()).toBe(APC_LEVEL)
  })

  it('is neither lowered by raising nor raised by lowering', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    kernel.KeRaiseIrql(APC_LEVEL)
    expect(outcome(() => kernel.KeRaiseIrql(PASSIVE_LEVEL))).toBe('0x9/0x0')
    expect(outcome(() => kernel.KeLowerIrql(DISPATCH_LEVEL))).toBe('0xa/0x0')
    expect(kernel.KeGetCurrentIrql()).toBe(APC_LEVEL)
    expect(kernel.ledger.entries).toHaveLength(2)
  })

  it('comes back after an action, also after one that fails', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const fail = (): never => {
      throw new Error(`at ${kernel.KeGetCurrentIrql()}`)
    }
    expect(() => kernel.at(DISPATCH_LEVEL, fail)).toThrow('at 2')
    expect(kernel.KeGetCurrentIrql()).toBe(PASSIVE_LEVEL)
  })

  it('is a level there is', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    for (const irql of [NaN, 1.5, 16]) expect(outcome(() => kernel.KeRaiseIrql(irql))).toBe('0x9/0x0')
    for (const irql of [NaN, -1]) expect(outcome(() => kernel.KeLowerIrql(irql))).toBe('0xa/0x0')
    expect(kernel.KeGetCurrentIrql()).toBe(PASSIVE_LEVEL)
  })

  it('that an action left too low does not hide what the action failed with', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const act = (): never => {
      kernel.KeLowerIrql(PASSIVE_LEVEL)
      throw new Error('mine')
    }
    const errors = (): unknown => {
      try {
        return kernel.at(APC_LEVEL, () => kernel.at(DISPATCH_LEVEL, act))
      } catch (error) {
        return String((error as AggregateError).errors)
      }
    }
    expect(errors()).toMatch(/mine.*0xa/s)
  })

  it('outside what a routine allows is a misuse that names the rule', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const at = (irql: KIRQL): string =>
      kernel.at(irql, () => outcome(() => kernel.requireIrql('R', 'X-1', DISPATCH_LEVEL, APC_LEVEL)))
    expect([PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL].map(at)).toEqual(['X-1', 'returned', 'returned'])
  })
})

describe('the pool', () => {
  it('hands out zeroed blocks apart from one another, 16-byte aligned, and takes them back', async () => {
    await using bench = await Bench.open()
    const { pool } = bench.kernel
    const before = pool.blocks
    const blocks = [1, 16, 17, 4096].map((size) => {
      const block = pool.allocate(size)
      if (block === undefined) throw new Error('no room')
      const bytes = new Uint8Array(block.data.buffer, block.data.byteOffset, block.data.byteLength)
      expect(bytes.every((byte) => byte === 0)).toBe(true)
      bytes.fill(0xff)
      return block
    })
    for (const [i, { address, size }] of blocks.entries()) {
      expect(address % 16n).toBe(0n)
      for (const other of blocks.slice(i + 1)) {
        expect(other.address >= address + BigInt(size) || other.address + BigInt(other.size) <= address).toBe(true)
      }
    }
    for (const { address } of blocks) pool.free(address)
    expect(pool.blocks).toBe(before)
    expect(pool.allocateStruct(KSMAPPING).get('PhysicalAddress')).toBe(0n)
  })

  it('has its blocks where their address says', async () => {
    await using bench = await Bench.open()
    const block = bench.kernel.pool.allocate(8)
    block?.data.setUint8(3, 0x77)
    const offset = Number((block?.address ?? 0n) - bench.frames.address)
    expect(bench.frames.read(offset, 8)[3]).toBe(0x77)
  })

  it('says when it is exhausted, and when a block is freed twice', async () => {
    await using bench = await Bench.open()
    const { pool } = bench.kernel
    expect(pool.allocate(2 ** 20)).toBeUndefined()
    expect(outcome(() => pool.allocateStruct({ ...KSMAPPING, size: 2 ** 20 }))).toBe('out-of-memory')
    const block = pool.allocateStruct(KSMAPPING)
    pool.free(block.address)
    expect(outcome(() => pool.free(block.address))).toBe('internal')
  })
})
