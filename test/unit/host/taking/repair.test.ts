import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type Repaired, finishJournals } from '../../../../src/host/linux/taking/repair.ts'
import { takeGroup } from '../../../../src/host/linux/taking/take.ts'
import { loadNative } from '../../../../src/native/load.ts'
import { loadDriver, systemError, unplug } from './fake-kernel.ts'
import { AUDIO, FakeMachine, NIC } from './machine.ts'

const { locks } = loadNative()

/** Leaves what a holder leaves that died together with its guardian: everything taken, and the journal. */
function abandon(machine: FakeMachine, change: (text: string) => string = (text) => text): string {
  for (const address of [NIC, AUDIO]) {
    machine.places.write(join(machine.bus, 'devices', address, 'driver_override'), 'vfio-pci\n')
    if (machine.driver(address) !== null) {
      machine.places.write(join(machine.bus, 'devices', address, 'driver', 'unbind'), `${address}\n`)
    }
    machine.places.write(join(machine.bus, 'drivers_probe'), `${address}\n`)
  }
  const holder = { pid: 4242, purpose: 'probar run', startedAt: '2026-01-01T00:00:00.000Z', bootId: 'this-boot' }
  const entry = (address: string, driver: string | null) => ({ address, driver, override: null, until: 'end' })
  const functions = [entry(NIC, 'e1000e'), entry(AUDIO, null)]
  const file = join(machine.folder, 'journals', 'group-7.json')
  mkdirSync(join(machine.folder, 'journals'))
  writeFileSync(file, change(JSON.stringify({ schema: 'probar-journal/1', name: 'group-7', holder, functions })))
  return file
}

const repair = (machine: FakeMachine): readonly Repaired[] => finishJournals(locks, machine.places)

describe('finishing journals', () => {
  it('of a dead holder: the drivers are back, and the journal is gone', () => {
    using machine = new FakeMachine()
    abandon(machine)
    const [repaired, ...more] = repair(machine)
    expect(more).toEqual([])
    expect(repaired).toMatchObject({
      state: 'back',
      text: expect.stringMatching(/pid 4242.*03:00\.0 is back with e1000e/),
    })
    expect([machine.driver(NIC), machine.driver(AUDIO)]).toEqual(['e1000e', null])
    expect([machine.override(NIC), machine.override(AUDIO)]).toEqual(['(null)', '(null)'])
    expect(machine.journals).toEqual([])
    expect(repair(machine)).toEqual([])
  })

  it('of a holder that lives: nothing is done, and the holder is named', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    machine.written.length = 0
    expect(repair(machine)).toMatchObject([
      { state: 'held', text: expect.stringContaining(`pid ${process.pid} (a test)`) },
    ])
    expect(machine.written).toEqual([])
    expect(machine.journals).toEqual(['group-7.json'])
    await taken[Symbol.asyncDispose]()
  })

  it('that its holder finished just now is none', () => {
    using machine = new FakeMachine()
    const file = abandon(machine)
    const lockFile = (descriptor: number): boolean => {
      rmSync(file)
      return locks.lockFile(descriptor)
    }
    expect(finishJournals({ lockFile }, machine.places)).toEqual([])
  })

  it('of another boot: the machine undid it, so nothing is written, and the journal is gone', () => {
    using machine = new FakeMachine()
    abandon(machine)
    machine.written.length = 0
    writeFileSync(join(machine.folder, 'boot_id'), 'another-boot\n')
    expect(repair(machine)).toMatchObject([{ state: 'rebooted', text: expect.stringContaining('booted since') }])
    expect(machine.written).toEqual([])
    expect(machine.journals).toEqual([])
  })

  it('of what was bound by hand: it stays, and so does the journal', async () => {
    using machine = new FakeMachine()
    await (await takeGroup(NIC, machine.options())).leaveBound()
    expect(repair(machine)).toMatchObject([{ state: 'kept', text: expect.stringContaining(`probar unbind ${NIC}`) }])
    expect(machine.driver(NIC)).toBe('vfio-pci')
    expect(machine.journals).toEqual(['group-7.json'])
  })

  it('that fails is remembered, for the functions that failed alone, and can be repeated', () => {
    using machine = new FakeMachine()
    abandon(machine)
    machine.before = (what) => {
      if (what.startsWith(`drivers_probe ${NIC}`)) throw systemError('EIO', what)
    }
    const file = join(machine.folder, 'journals', 'group-7.json')
    expect(repair(machine)).toMatchObject([{ state: 'failed', text: expect.stringContaining(`${NIC} is NOT back`) }])
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ functions: [{ address: NIC }] })
    machine.before = () => undefined
    loadDriver(machine.bus, 'e1000e')
    expect(repair(machine)).toMatchObject([{ state: 'back' }])
    expect(machine.driver(NIC)).toBe('e1000e')
  })

  it('of a function that is there no more says so', () => {
    using machine = new FakeMachine()
    abandon(machine)
    unplug(machine.bus, AUDIO)
    expect(repair(machine)).toMatchObject([
      { state: 'back', text: expect.stringContaining(`${AUDIO} is there no more`) },
    ])
    expect(machine.journals).toEqual([])
  })
})

const damages: readonly (readonly [string, (text: string) => string])[] = [
  ['is cut off', (text) => text.slice(0, 60)],
  ['is empty', () => ''],
  ['is of another version', (text) => text.replace('probar-journal/1', 'probar-journal/9')],
  ['names a driver that is a path', (text) => text.replace('"e1000e"', '"../../../etc"')],
  ['names a function that is a path', (text) => text.replaceAll(NIC, '../../../tmp')],
]

it.each(damages)('a journal that %s is put aside, never thrown away, and nothing is written', (_, change) => {
  using machine = new FakeMachine()
  const file = abandon(machine, change)
  const text = readFileSync(file, 'utf8')
  machine.written.length = 0
  expect(repair(machine)).toMatchObject([{ state: 'unreadable', text: expect.stringContaining(`${file}.unreadable`) }])
  expect(machine.written).toEqual([])
  expect(machine.journals).toEqual(['group-7.json.unreadable'])
  expect(readFileSync(`${file}.unreadable`, 'utf8')).toBe(text)
  writeFileSync(file, text)
  repair(machine)
  expect(machine.journals.toSorted()).toEqual(['group-7.json.unreadable', 'group-7.json.unreadable-2'])
})

it('a journal that is a folder is put aside, too', () => {
  using machine = new FakeMachine()
  mkdirSync(join(machine.folder, 'journals', 'group-7.json'), { recursive: true })
  expect(repair(machine)).toMatchObject([{ state: 'unreadable', text: expect.stringContaining('EISDIR') }])
  expect(machine.journals).toEqual(['group-7.json.unreadable'])
})

it('a file where journals should lie is none', () => {
  using machine = new FakeMachine()
  writeFileSync(join(machine.folder, 'journals'), '')
  expect(repair(machine)).toEqual([])
})

it('a lease that cannot be had keeps no other journal from its turn', () => {
  using machine = new FakeMachine()
  const file = abandon(machine)
  writeFileSync(file.replace('group-7', 'group-1'), readFileSync(file))
  mkdirSync(join(machine.places.leases, 'group-1.lease'), { recursive: true })
  expect(repair(machine)).toMatchObject([
    { state: 'failed', text: expect.stringMatching(/EISDIR.*remove it/) },
    { state: 'back' },
  ])
  expect(machine.driver(NIC)).toBe('e1000e')
})

it('a function that a program has open stays, for the kernel would wait for that program', () => {
  using machine = new FakeMachine()
  abandon(machine)
  const fds = join(machine.places.processes, '77', 'fd')
  mkdirSync(fds, { recursive: true })
  symlinkSync('/dev/vfio/7', join(fds, '3'))
  expect(repair(machine)).toMatchObject([{ state: 'failed', text: expect.stringContaining('process 77') }])
  expect(machine.driver(NIC)).toBe('vfio-pci')
  expect(machine.journals).toEqual(['group-7.json'])
  rmSync(fds, { recursive: true })
  expect(repair(machine)).toMatchObject([{ state: 'back' }])
})
