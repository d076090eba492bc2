import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { va } from '../../../../src/base/address.ts'
import { MdlFlags } from '../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../src/ddi/mm/mm.ts'
import type { Io } from '../../../../src/ddi/io/io.ts'
import { altered } from '../../../contract/cases/plants/altered.ts'
import { Bench } from '../bench.ts'
import { Machine } from '../machine/machine.ts'
import type { System } from '../machine/system.ts'

const RUNS = 60
const LENGTH = 300
const MOST = 2 ** 20

const choices = fc.tuple(fc.nat(MOST), fc.tuple(fc.nat(MOST), fc.nat(MOST), fc.nat(MOST)))
const sequences = fc.array(choices, { minLength: LENGTH, maxLength: LENGTH, size: 'max' })

/** Runs the sequences, each on a system of its own; returns the steps that did something. */
async function drive(broken: (system: System) => System = (system) => system, runs = RUNS): Promise<number> {
  let taken = 0
  await fc.assert(
    fc.asyncProperty(sequences, async (sequence) => {
      await using bench = await Bench.open()
      const machine = new Machine(broken({ kernel: bench.kernel, ddi: bench.ddi }))
      for (const [which, choice] of sequence) machine.step(which, choice)
      taken += machine.taken
      machine.end()
      expect(bench.kernel.ledger.entries).toEqual([])
      expect(await bench.end()).toEqual([])
    }),
    { numRuns: runs, seed: 4, endOnFailure: true, includeErrorInReport: true },
  )
  return taken
}

const mm =
  (alter: (mm: Mm) => Partial<Mm>) =>
  ({ kernel, ddi }: System): System => ({
    kernel,
    ddi: { ...ddi, mm: altered(ddi.mm, alter(ddi.mm)) },
  })

/** @param alter gets what takes an MDL as it is */
const io =
  (alter: (io: Io, accept: (mdl: Mdl) => void) => Partial<Io>) =>
  ({ kernel, ddi }: System): System => ({
    kernel,
    ddi: {
      ...ddi,
      io: altered(
        ddi.io,
        alter(ddi.io, (mdl) => ddi.mm.accept(mdl)),
      ),
    },
  })

describe('any legal sequence of calls', () => {
  it('does what the model does, and leaves nothing behind', async () => {
    expect(await drive()).toBeGreaterThanOrEqual(10_000)
  }, 120_000)
})

describe('a defect shows in such sequences', () => {
  it.each<readonly [string, string, (system: System) => System]>([
    [
      'a part that begins a page late',
      'locks',
      io((real, accept) => ({
        IoBuildPartialMdl(source, target, address, length) {
          const late = length > 4096
          real.IoBuildPartialMdl(source, target, late ? va(address + 4096n) : address, late ? length - 4096 : length)
          if (target === null || !late) return
          target.header.set('ByteCount', length)
          target.header.set('StartVa', target.header.get('StartVa') - 4096n)
          accept(target)
        },
      })),
    ],
    [
      'pages that stay locked',
      'locks',
      ({ kernel, ddi }) => {
        const stale = kernel.locks.unlock.bind(kernel.locks)
        kernel.locks.unlock = (frames) => stale(frames.subarray(0, Math.max(1, frames.length - 1)))
        return { kernel, ddi }
      },
    ],
    ['a view that stays', 'counts', mm(() => ({ MmPrepareMdlForReuse: () => undefined }))],
    [
      'an unlock that ends nothing',
      'PAGES_LOCKED',
      mm((real) => ({
        MmUnlockPages(mdl) {
          real.MmUnlockPages(mdl)
          mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED
        },
      })),
    ],
    [
      'a pager that loses a byte',
      'first byte that differs',
      ({ kernel, ddi }) => {
        const move = kernel.virtual.trim.bind(kernel.virtual)
        kernel.virtual.trim = () => {
          const moved = move()
          for (const { address } of kernel.driverPool.blocks) kernel.memory.fill(address, 1, 0xa7)
          return moved
        }
        return { kernel, ddi }
      },
    ],
    [
      'a protection that is not undone',
      'access',
      mm((real) => ({
        MmProtectMdlSystemAddress: (mdl, value) => real.MmProtectMdlSystemAddress(mdl, value === 4 ? 2 : value),
      })),
    ],
  ])(
    '%s',
    async (_, seen, broken) => {
      await expect(drive(broken, 20)).rejects.toThrow(seen)
    },
    60_000,
  )
})
