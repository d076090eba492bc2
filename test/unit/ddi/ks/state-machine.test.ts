import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import { altered } from '../../../contract/cases/plants/altered.ts'
import { Bench } from '../bench.ts'
import { StreamMachine } from './machine/machine.ts'
import { MAPPINGS, TRAILING } from './stream.ts'

const RUNS = 40
const LENGTH = 250
const MOST = 2 ** 20

const choices = fc.tuple(fc.nat(MOST), fc.tuple(fc.nat(MOST), fc.nat(MOST), fc.nat(MOST)))
const sequences = fc.array(choices, { minLength: LENGTH, maxLength: LENGTH, size: 'max' })
const flags = fc.constantFrom(0, MAPPINGS, TRAILING, MAPPINGS | TRAILING)

/** Runs the sequences, each on a pin of its own; returns the steps that did something. */
async function drive(broken: (ks: Ks) => Partial<Ks> = () => ({}), runs = RUNS): Promise<number> {
  let taken = 0
  await fc.assert(
    fc.asyncProperty(flags, sequences, async (pinFlags, sequence) => {
      await using bench = await Bench.open()
      const adapter = bench.adapter(28, 4 * 0x10_0000)
      const description = bench.description()
      bench.ddi.ks.RegisterAdapterObjectEx(adapter, description, adapter.mapRegisters, 4096, 24)
      bench.kernel.pool.free(description.address)
      const machine = new StreamMachine(
        {
          ks: altered(bench.ddi.ks, broken(bench.ddi.ks)),
          kernel: bench.kernel,
          adapter,
          pages: (count) => bench.pages(count),
          free: (mdl) => bench.free(mdl),
        },
        pinFlags,
      )
      for (const [which, choice] of sequence) machine.step(which, choice)
      taken += machine.taken
      machine.end()
      bench.ddi.dma.PutDmaAdapter(adapter)
      expect(await bench.end()).toEqual([])
    }),
    { numRuns: runs, seed: 6, endOnFailure: true, includeErrorInReport: true },
  )
  return taken
}

describe('any sequence of calls on a pin', () => {
  it('does what counted references do, and leaves nothing behind', async () => {
    expect(await drive()).toBeGreaterThanOrEqual(5000)
  }, 120_000)
})

describe('a defect shows in such sequences', () => {
  it.each<readonly [string, string, (ks: Ks) => Partial<Ks>]>([
    [
      'an eject that ejects nothing',
      'expected',
      (ks) => ({ KsStreamPointerUnlock: (pointer) => ks.KsStreamPointerUnlock(pointer, false) }),
    ],
    ['a clone that stays', 'blocks', () => ({ KsStreamPointerDelete: () => undefined })],
    [
      'a clone that nobody asked for',
      'blocks',
      (ks) => ({
        KsStreamPointerAdvance(pointer) {
          ks.KsStreamPointerClone(pointer, null, 0, {})
          return ks.KsStreamPointerAdvance(pointer)
        },
      }),
    ],
    ['a cancellation that is forgotten', 'expected', () => ({ IoCancelIrp: () => false })],
    [
      'an amount that is not counted',
      'expected',
      (ks) => ({
        KsStreamPointerAdvanceOffsets: (pointer, inUsed, outUsed, eject) =>
          ks.KsStreamPointerAdvanceOffsets(pointer, inUsed, outUsed > 1 ? outUsed - 1 : outUsed, eject),
      }),
    ],
    [
      'callbacks that are lost',
      'callbacks',
      (ks) => ({
        KsStreamPointerClone: (pointer, _cancel, size, made) => ks.KsStreamPointerClone(pointer, null, size, made),
      }),
    ],
  ])(
    '%s',
    async (_, seen, broken) => {
      await expect(drive(broken, 20)).rejects.toThrow(seen)
    },
    60_000,
  )
})
