import { expect } from '@jest/globals'
import { sleep } from '../../../src/base/clock.ts'
import type { Device, InterruptKind, Interrupts } from '../../../src/device/contract.ts'
import {
  anyKind,
  bar,
  type Bench,
  busOf,
  type Check,
  edu,
  failure,
  INTERRUPT_AT_END,
  load,
  map,
  PATIENCE,
} from '../bench.ts'

/** Milliseconds in which an interrupt that is on its way has arrived. */
const SHORTLY = 50

export const interruptChecks: readonly Check[] = [
  {
    name: 'an interrupt that the device raises is counted, once',
    needs: ['edu'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable('msi', 1)
      expect(interrupts.count(0)).toBe(0)
      raise(bench, 0x55)
      expect(await interrupts.wait(0, 0, { timeoutMs: PATIENCE })).toBe(1)
      acknowledge(bench, 0x55)
      expect(await failure(() => interrupts.wait(0, 1, { timeoutMs: SHORTLY }))).toBe('timeout')
      expect(interrupts.count(0)).toBe(1)
    },
  },
  {
    name: 'the interrupt status holds what raised it until that is acknowledged',
    needs: ['edu'],
    run(bench) {
      const region = bar(bench)
      raise(bench, 0x5)
      raise(bench, 0x8)
      expect(region.read32(edu.interruptStatus)).toBe(0xd)
      acknowledge(bench, 0x4)
      expect(region.read32(edu.interruptStatus)).toBe(0x9)
      acknowledge(bench, 0x9)
      expect(region.read32(edu.interruptStatus)).toBe(0)
    },
  },
  {
    name: 'one interrupt after the other is counted',
    needs: ['edu'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable('msi', 1)
      for (let times = 0; times < 3; times++) {
        raise(bench, 1)
        expect(await interrupts.wait(0, times, { timeoutMs: PATIENCE })).toBe(times + 1)
        acknowledge(bench, 1)
      }
    },
  },
  {
    name: 'the end of a transfer raises an interrupt when asked to',
    needs: ['edu'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable('msi', 1)
      using source = map(bench, [1], 'read')
      await load(bench, busOf(source), 16, INTERRUPT_AT_END)
      await interrupts.wait(0, 0, { timeoutMs: PATIENCE })
      expect(bar(bench).read32(edu.interruptStatus)).toBe(0x100)
      acknowledge(bench, 0x100)
    },
  },
  {
    name: 'a wait ends with timeout when nothing fires',
    needs: ['interrupts'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable(anyKind(bench), 1)
      expect(await failure(() => interrupts.wait(0, 0, { timeoutMs: SHORTLY }))).toBe('timeout')
    },
  },
  {
    name: 'a wait can be cancelled, before and while it waits',
    needs: ['interrupts'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable(anyKind(bench), 1)
      const abort = new AbortController()
      const waiting = failure(() => interrupts.wait(0, 0, { timeoutMs: PATIENCE, signal: abort.signal }))
      abort.abort()
      expect(await waiting).toBe('cancelled')
      expect(await failure(() => interrupts.wait(0, 0, { timeoutMs: PATIENCE, signal: abort.signal }))).toBe(
        'cancelled',
      )
    },
  },
  {
    name: 'disabling rejects what waits, and what would wait then',
    needs: ['interrupts'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable(anyKind(bench), 1)
      const waiting = failure(() => interrupts.wait(0, 0, { timeoutMs: PATIENCE }))
      interrupts.disable()
      interrupts.disable()
      expect(await waiting).toBe('cancelled')
      expect(await failure(() => interrupts.wait(0, 0, { timeoutMs: PATIENCE }))).toBe('interrupt-unavailable')
      expect(await failure(() => interrupts.count(0))).toBe('interrupt-unavailable')
      expect(await failure(() => interrupts.trigger(0))).toBe('interrupt-unavailable')
    },
  },
  {
    name: 'counts begin at 0 when enabled again',
    needs: ['edu'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable('msi', 1)
      raise(bench, 1)
      await interrupts.wait(0, 0, { timeoutMs: PATIENCE })
      acknowledge(bench, 1)
      interrupts.disable()
      interrupts.enable('msi', 1)
      expect(interrupts.count(0)).toBe(0)
      expect(await failure(() => interrupts.wait(0, 0, { timeoutMs: SHORTLY }))).toBe('timeout')
    },
  },
  {
    name: 'what the device lacks, or cannot have beside what is enabled, is refused',
    async run({ device: { interrupts }, facts }) {
      expect(interrupts.vectors).toEqual(facts.vectors)
      const codeOf = (kind: InterruptKind, vectors: number) => failure(() => interrupts.enable(kind, vectors))
      for (const [kind, there] of kinds(interrupts)) {
        const refused = [await codeOf(kind, there + 1), await codeOf(kind, 0)]
        expect([kind, ...refused]).toEqual([kind, 'interrupt-unavailable', 'interrupt-unavailable'])
      }
      const [first, ...others] = kinds(interrupts).filter(([, vectors]) => vectors > 0)
      if (first === undefined) return
      interrupts.enable(first[0], 1)
      for (const [kind] of others) expect([kind, await codeOf(kind, 1)]).toEqual([kind, 'capability-missing'])
      expect([first[0], await codeOf(first[0], 1)]).toEqual([first[0], 'capability-missing'])
      expect(await failure(() => interrupts.count(1))).toBe('interrupt-unavailable')
    },
  },
  {
    name: 'an interrupt that the platform raises is counted, of each kind that there is',
    needs: ['interrupts'],
    async run({ device: { interrupts } }) {
      for (const [kind, vectors] of kinds(interrupts)) {
        if (vectors === 0) continue
        interrupts.enable(kind, 1)
        interrupts.trigger(0)
        expect([kind, await interrupts.wait(0, 0, { timeoutMs: PATIENCE })]).toEqual([kind, 1])
        interrupts.disable()
      }
    },
  },
  {
    name: 'every vector, up to 16 of each kind, counts once for each software trigger, and no other does',
    needs: ['interrupts'],
    async run({ device }) {
      expect(Object.keys(await triggerEach(device, 16))).not.toEqual([])
    },
  },
  {
    name: 'an active pin counts once until it is unmasked, and again if the device still holds it',
    needs: ['edu'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable('intx', 1)
      raise(bench, 1)
      expect(await interrupts.wait(0, 0, { timeoutMs: PATIENCE })).toBe(1)
      raise(bench, 2)
      expect(await countsMore(interrupts, 1)).toBe(false)
      interrupts.unmask(0)
      expect(await interrupts.wait(0, 1, { timeoutMs: PATIENCE })).toBe(2)
      acknowledge(bench, 3)
      interrupts.unmask(0)
      expect(await countsMore(interrupts, 2)).toBe(false)
      raise(bench, 1)
      expect(await interrupts.wait(0, 2, { timeoutMs: PATIENCE })).toBe(3)
      acknowledge(bench, 1)
    },
  },
  {
    name: 'a masked pin counts when it is unmasked',
    needs: ['edu'],
    async run(bench) {
      const { interrupts } = bench.device
      interrupts.enable('intx', 1)
      interrupts.mask(0)
      raise(bench, 1)
      expect(await countsMore(interrupts, 0)).toBe(false)
      interrupts.unmask(0)
      expect(await interrupts.wait(0, 0, { timeoutMs: PATIENCE })).toBe(1)
      acknowledge(bench, 1)
    },
  },
  {
    name: 'only kinds that the platform can mask are masked',
    needs: ['interrupts'],
    async run({ device: { interrupts } }) {
      expect(interrupts.maskable).toEqual({ intx: true, msi: false, msix: false })
      expect(await failure(() => interrupts.mask(0))).toBe('interrupt-unavailable')
      for (const [kind, vectors] of kinds(interrupts)) {
        if (vectors === 0) continue
        interrupts.enable(kind, 1)
        const outcome = kind === 'intx' ? 'no error' : 'capability-missing'
        const codes = [await failure(() => interrupts.mask(0)), await failure(() => interrupts.unmask(0))]
        expect([kind, ...codes]).toEqual([kind, outcome, outcome])
        interrupts.disable()
      }
    },
  },
  {
    name: 'a request for the device ends what waits, and what would wait later, and leaves a device that answers',
    needs: ['interrupts'],
    async run({ device, facts }) {
      const { interrupts, notices } = device
      expect(notices.kinds).toContain('request')
      expect(notices.gone.aborted).toBe(false)
      interrupts.enable(anyKind({ device }), 1)
      const waiting = failure(() => interrupts.wait(0, 0, { timeoutMs: PATIENCE }))
      notices.trigger('request')
      expect(await waiting).toBe('device-gone')
      expect(notices.gone).toMatchObject({ aborted: true, reason: { code: 'device-gone' } })
      expect(await failure(() => interrupts.wait(0, 0, { timeoutMs: PATIENCE }))).toBe('device-gone')
      expect(device.config.read16(0)).toBe(facts.identity.vendor)
    },
  },
]

const kinds = ({ vectors }: Interrupts): readonly (readonly [InterruptKind, number])[] =>
  (['msi', 'msix', 'intx'] as const).map((kind) => [kind, vectors[kind]])

/**
 * Raises each vector of each kind by software, up to so many of a kind, and holds all counts against it.
 * @returns vectors raised, by kind
 */
export async function triggerEach({ interrupts, clock }: Device, most: number): Promise<Record<string, number>> {
  const raised: Record<string, number> = {}
  for (const kind of ['intx', 'msi', 'msix'] as const) {
    const vectors = Math.min(interrupts.vectors[kind], most)
    if (vectors === 0) continue
    interrupts.enable(kind, vectors)
    const all = Array.from({ length: vectors }, (_, vector) => vector)
    for (const vector of all) {
      interrupts.trigger(vector)
      await interrupts.wait(vector, 0, { timeoutMs: PATIENCE })
    }
    await sleep(clock, SHORTLY)
    expect({ kind, counts: all.map((vector) => interrupts.count(vector)) }).toEqual({ kind, counts: all.map(() => 1) })
    interrupts.disable()
    raised[kind] = vectors
  }
  return raised
}

/** Vector 0 counts further than so far, shortly. */
async function countsMore(interrupts: Device['interrupts'], after: number): Promise<boolean> {
  const code = await failure(() => interrupts.wait(0, after, { timeoutMs: SHORTLY }))
  if (code !== 'timeout' && code !== 'no error') throw new Error(`the wait ended with ${code}`)
  return code === 'no error'
}

const raise = (bench: Bench, value: number): void => bar(bench).write32(edu.interruptRaise, value)
const acknowledge = (bench: Bench, value: number): void => bar(bench).write32(edu.interruptAcknowledge, value)
