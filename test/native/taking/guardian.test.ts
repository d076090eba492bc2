import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { thisProcess } from '../../../src/host/linux/taking/holder.ts'
import { type Lease, acquireLease, tryLease } from '../../../src/host/linux/taking/lease.ts'
import { finishJournals } from '../../../src/host/linux/taking/repair.ts'
import { takeGroup } from '../../../src/host/linux/taking/take.ts'
import { loadNative } from '../../../src/native/load.ts'
import { AUDIO, FakeMachine, NIC } from '../../unit/host/taking/machine.ts'
import { compile } from './compiled.ts'

const { locks } = loadNative()
const LONG_MS = 60_000

let programs = ''
beforeAll(() => {
  programs = compile(['holder', 'after-death'])
}, LONG_MS * 2)
afterAll(() => rmSync(programs, { recursive: true }))

/** Starts a holder; resolves once it has said `word`. */
async function holder(machine: FakeMachine, mode: 'cycle' | 'hold', word: 'ready' | 'holding'): Promise<ChildProcess> {
  const program = join(programs, 'test/native/taking/holder.js')
  const child = spawn(process.execPath, [program, machine.bus, machine.folder, mode], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], RUNNER_TRACKING_ID: 'a-job' },
  })
  const lines = createInterface({ input: child.stdout })
  await new Promise<void>((resolve) => lines.on('line', (line) => line === word && resolve()))
  return child
}

async function kill(child: ChildProcess, whole = false): Promise<void> {
  const ended = once(child, 'exit')
  process.kill(whole ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL')
  await ended
}

/** The lease, as soon as it is free. */
function free(machine: FakeMachine): Promise<Lease> {
  const { places } = machine
  const attempt = () => tryLease('group-7', thisProcess('a test', places), places, locks)
  return acquireLease('group-7', NIC, attempt, { waitMs: LONG_MS, clock: systemClock })
}

const snapshot = (machine: FakeMachine): unknown => ({
  drivers: [machine.driver(NIC), machine.driver(AUDIO)],
  overrides: [machine.override(NIC), machine.override(AUDIO)],
  journals: machine.journals.filter((name) => name.endsWith('.json')),
})

const UNTOUCHED = { drivers: ['e1000e', null], overrides: ['(null)', '(null)'], journals: [] }

const logOf = (machine: FakeMachine): string => readFileSync(join(machine.places.leases, 'group-7.log'), 'utf8')

/** Processes of the guardian of this machine. */
const guardians = (machine: FakeMachine): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const words = procFile(pid, 'cmdline')
      return words.includes('probar-guardian') && words.includes(machine.bus)
    })
    .map(Number)

function procFile(pid: number | string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

describe('a holder that is killed', () => {
  it('at any moment, alone or with its group: the drivers are back when the lease is free', async () => {
    using machine = new FakeMachine()
    const random = seededRandom(0x5eedn)
    for (let round = 0; round < 24; round++) {
      const child = await holder(machine, 'cycle', round % 2 === 0 ? 'ready' : 'holding')
      await new Promise((resolve) => setTimeout(resolve, random.below(120)))
      await kill(child, round % 3 === 0)
      using lease = await free(machine)
      expect({ round, lease: lease.descriptor > 2, ...(snapshot(machine) as object) }).toEqual({
        round,
        lease: true,
        ...UNTOUCHED,
      })
    }
    // Else no kill has found anything taken, and this test has shown nothing.
    expect(logOf(machine).match(/ back \(e1000e\)/g)?.length).toBeGreaterThan(2)
  }, 180_000)

  it(
    'the guardian has no environment, parent or process group of its, and outlives a polite end',
    async () => {
      using machine = new FakeMachine()
      const child = await holder(machine, 'hold', 'holding')
      const [pid = 0, ...more] = guardians(machine)
      expect(more).toEqual([])
      expect(procFile(pid, 'environ')).not.toContain('RUNNER_TRACKING_ID')
      const [, parent, group, session] = procFile(pid, 'stat').split(') ')[1]?.split(' ').map(Number) ?? []
      for (const id of [parent, group, session]) expect(id).not.toBe(child.pid)
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pid, signal)
      await kill(child)
      ;(await free(machine))[Symbol.dispose]()
      expect(snapshot(machine)).toEqual(UNTOUCHED)
    },
    LONG_MS,
  )

  it(
    'together with its guardian: the lease is free, and the journal is enough to put the drivers back',
    async () => {
      using machine = new FakeMachine()
      const child = await holder(machine, 'hold', 'holding')
      for (const pid of guardians(machine)) process.kill(pid, 'SIGKILL')
      await kill(child)
      ;(await free(machine))[Symbol.dispose]()
      expect(machine.driver(NIC)).toBe('vfio-pci')
      expect(finishJournals(locks, machine.places)).toMatchObject([{ state: 'back' }])
      expect(snapshot(machine)).toEqual(UNTOUCHED)
    },
    LONG_MS,
  )
})

describe('two at once', () => {
  it(
    'the second is refused, and told who has it, since when and what for',
    async () => {
      using machine = new FakeMachine()
      const child = await holder(machine, 'hold', 'holding')
      const told = new RegExp(`held by pid ${child.pid} \\(holder ${child.pid}\\) since 20\\d\\d-.*--wait`)
      await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({
        code: 'device-busy',
        message: expect.stringMatching(told),
      })
      expect(finishJournals(locks, machine.places)).toMatchObject([{ state: 'held' }])
      expect(machine.driver(NIC)).toBe('vfio-pci')
      await kill(child)
      ;(await free(machine))[Symbol.dispose]()
    },
    LONG_MS,
  )

  it(
    'the second that waits has it afterwards, and hears once whom it waits for',
    async () => {
      using machine = new FakeMachine()
      const child = await holder(machine, 'hold', 'holding')
      const heard: string[] = []
      const waiting = takeGroup(NIC, machine.options({ waitMs: LONG_MS, onWait: (who) => void heard.push(who) }))
      await new Promise((resolve) => setTimeout(resolve, 300))
      await kill(child)
      const taken = await waiting
      expect(taken.from).toMatchObject([{ address: NIC, driver: 'e1000e' }, { address: AUDIO }])
      expect(heard).toEqual([expect.stringContaining(`pid ${child.pid}`)])
      await taken[Symbol.asyncDispose]()
      expect(snapshot(machine)).toEqual(UNTOUCHED)
    },
    LONG_MS,
  )

  it(
    'the second that waits gives up when its time is over, or when it is told to',
    async () => {
      using machine = new FakeMachine()
      const child = await holder(machine, 'hold', 'holding')
      await expect(takeGroup(NIC, machine.options({ waitMs: 150 }))).rejects.toHaveProperty('code', 'device-busy')
      const told = new AbortController()
      const waiting = takeGroup(
        NIC,
        machine.options({ waitMs: LONG_MS, signal: told.signal, onWait: () => told.abort() }),
      )
      await expect(waiting).rejects.toHaveProperty('code', 'cancelled')
      await kill(child)
      ;(await free(machine))[Symbol.dispose]()
    },
    LONG_MS,
  )
})
