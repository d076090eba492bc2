import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ProbarError } from '../../../../src/base/errors.ts'
import { finishJournals } from '../../../../src/host/linux/taking/repair.ts'
import { type Taken, takeGroup } from '../../../../src/host/linux/taking/take.ts'
import { loadNative } from '../../../../src/native/load.ts'
import { loadDriver, systemError, unplug } from './fake-kernel.ts'
import { AUDIO, BRIDGE, CARD, FakeMachine, NIC } from './machine.ts'

const giveBack = (taken: Taken): Promise<void> => Promise.resolve(taken[Symbol.asyncDispose]())

/** What the machine looks like when nothing is taken. */
function expectUntouched(machine: FakeMachine): void {
  expect([NIC, AUDIO, BRIDGE].map((address) => machine.driver(address))).toEqual(['e1000e', null, 'pcieport'])
  expect([NIC, AUDIO, BRIDGE].map((address) => machine.override(address))).toEqual(['(null)', '(null)', '(null)'])
  expect(machine.journals).toEqual([])
}

async function expectFree(machine: FakeMachine): Promise<void> {
  const again = await takeGroup(NIC, machine.options())
  await giveBack(again)
}

describe('taking a group', () => {
  it('gives every function to vfio-pci, and leaves the bridge alone', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    expect([NIC, AUDIO, BRIDGE].map((address) => machine.driver(address))).toEqual(['vfio-pci', 'vfio-pci', 'pcieport'])
    expect(taken.from).toMatchObject([
      { address: NIC, driver: 'e1000e', override: null },
      { address: AUDIO, driver: null, override: null },
    ])
    await giveBack(taken)
  })

  it('puts back what each one had: first what may have it, then who has it', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    machine.written.length = 0
    await giveBack(taken)
    expectUntouched(machine)
    expect(machine.written).toEqual([
      `${AUDIO}/driver_override`,
      `${AUDIO}/driver/unbind ${AUDIO}`,
      `${NIC}/driver_override`,
      `${NIC}/driver/unbind ${NIC}`,
      `drivers_probe ${NIC}`,
    ])
    await expectFree(machine)
  })

  it('puts an override back that was there', async () => {
    using machine = new FakeMachine()
    writeFileSync(join(machine.sysfs.path, NIC, 'driver_override'), 'e1000e\n')
    await giveBack(await takeGroup(NIC, machine.options()))
    expect(machine.override(NIC)).toBe('e1000e')
    expect(machine.driver(NIC)).toBe('e1000e')
  })

  it('writes down what it had before anything is changed, as root alone may', async () => {
    using machine = new FakeMachine()
    let journal = ''
    machine.before = () => {
      journal ||= readFileSync(join(machine.folder, 'journals', 'group-7.json'), 'utf8')
    }
    await giveBack(await takeGroup(NIC, machine.options()))
    expect(JSON.parse(journal)).toMatchObject({
      holder: { pid: process.pid, purpose: 'a test', startedAt: '1970-01-01T00:00:00.000Z', bootId: 'this-boot' },
      functions: [{ address: NIC, driver: 'e1000e', until: 'end' }, { address: AUDIO }],
    })
  })

  it('leaves a group alone that vfio-pci has already', async () => {
    using machine = new FakeMachine({ [NIC]: { driver: 'vfio-pci', group: 7 } })
    const taken = await takeGroup(NIC, machine.options())
    expect(taken.from).toEqual([])
    await giveBack(taken)
    expect(machine.written).toEqual([])
    expect(machine.driver(NIC)).toBe('vfio-pci')
  })

  it('takes a function without an IOMMU by itself', async () => {
    using machine = new FakeMachine({ [NIC]: { driver: 'e1000e' } })
    const taken = await takeGroup(NIC, machine.options())
    expect(machine.journals).toEqual([`device-${NIC}.json`])
    await giveBack(taken)
    expect(machine.driver(NIC)).toBe('e1000e')
  })

  it('refuses a bridge', async () => {
    using machine = new FakeMachine()
    await expect(takeGroup(BRIDGE, machine.options())).rejects.toMatchObject({ code: 'device-protected' })
    expectUntouched(machine)
  })

  it('refuses what the machine lives on, before anything else', async () => {
    using machine = new FakeMachine()
    const asked: string[] = []
    const refuseUse = (addresses: readonly string[]): void => {
      asked.push(...addresses)
      throw new ProbarError('device-protected', 'it carries the root file system')
    }
    const places = { ...machine.places, refuseUse }
    await expect(takeGroup(NIC, machine.options({ places }))).rejects.toMatchObject({ code: 'device-protected' })
    expect(asked).toEqual([NIC, AUDIO])
    expect(existsSync(machine.places.leases)).toBe(false)
    expectUntouched(machine)
  })

  it('loads the module of vfio-pci when it is missing, and says so when it cannot', async () => {
    using machine = new FakeMachine()
    rmSync(join(machine.bus, 'drivers', 'vfio-pci'), { recursive: true })
    await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({
      code: 'module-missing',
      message: expect.stringMatching(/no modules here.*modprobe vfio-pci/),
    })
    expectUntouched(machine)
    const loaded: string[] = []
    const loadModule = (name: string): void => (loaded.push(name), loadDriver(machine.bus, name))
    await giveBack(await takeGroup(NIC, machine.options({ places: { ...machine.places, loadModule } })))
    expect(loaded).toEqual(['vfio-pci'])
  })
})

describe('a step of taking that fails', () => {
  const failures = [
    [`${NIC}/driver_override vfio-pci`, 'EACCES', 'permission-denied'],
    [`${NIC}/driver/unbind ${NIC}`, 'EACCES', 'permission-denied'],
    [`drivers_probe ${NIC}`, 'EINVAL', 'os-error'],
    [`${AUDIO}/driver_override vfio-pci`, 'EPERM', 'permission-denied'],
    [`drivers_probe ${AUDIO}`, 'EIO', 'os-error'],
  ] as const

  it.each(failures)('%s (%s): %s, and all is as before', async (step, errno, code) => {
    using machine = new FakeMachine()
    let planted = true
    machine.before = (what) => {
      if (what !== step || !planted) return
      planted = false
      throw systemError(errno, step)
    }
    await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({ code })
    expect(planted).toBe(false)
    expectUntouched(machine)
    await expectFree(machine)
  })

  it('vfio-pci that does not take a function: device-driver, and all is as before', async () => {
    using machine = new FakeMachine()
    machine.before = (what) => {
      if (what === `drivers_probe ${AUDIO}`) rmSync(join(machine.bus, 'drivers', 'vfio-pci'), { recursive: true })
    }
    await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({
      code: 'device-driver',
      message: expect.stringContaining(AUDIO),
    })
    expectUntouched(machine)
  })

  it('a function that vanishes half-way: device-absent; the rest is put back', async () => {
    using machine = new FakeMachine()
    machine.before = (what) => {
      if (what === `${AUDIO}/driver_override vfio-pci`) unplug(machine.bus, AUDIO)
    }
    await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({ code: 'device-absent' })
    expect(machine.driver(NIC)).toBe('e1000e')
    expect(machine.journals).toEqual([])
  })

  it('no room for a journal: nothing is taken', async () => {
    using machine = new FakeMachine()
    const journals = [join(machine.folder, 'boot_id'), '/dev/full']
    await expect(takeGroup(NIC, machine.options({ places: { ...machine.places, journals } }))).rejects.toMatchObject({
      code: 'os-error',
      message: expect.stringContaining('nothing is taken'),
    })
    expect(machine.written).toEqual([])
    await expectFree(machine)
  })

  it('a folder of journals that cannot be written: the next one is used', async () => {
    using machine = new FakeMachine()
    writeFileSync(join(machine.folder, 'journals'), 'a file where the folder should be')
    const taken = await takeGroup(NIC, machine.options())
    expect(existsSync(join(machine.places.leases, 'group-7.json'))).toBe(true)
    await giveBack(taken)
    expectUntouched(machine)
    expect(existsSync(join(machine.places.leases, 'group-7.json'))).toBe(false)
  })

  it('a boot id that cannot be read: nothing is taken', async () => {
    using machine = new FakeMachine()
    rmSync(join(machine.folder, 'boot_id'))
    await expect(takeGroup(NIC, machine.options())).rejects.toHaveProperty('code', 'ENOENT')
    expectUntouched(machine)
  })
})

describe('a step of giving back that fails', () => {
  it('a wrong driver that was quicker is replaced by the former one', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    writeFileSync(join(machine.sysfs.path, NIC, 'knows'), 'other e1000e')
    await giveBack(taken)
    expectUntouched(machine)
  })

  it('a driver that is gone: the error names function and driver, and the journal remembers', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    rmSync(join(machine.bus, 'drivers', 'e1000e'), { recursive: true })
    await expect(giveBack(taken)).rejects.toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/0000:03:00\.0 is not back with its driver e1000e.*doctor --repair/s),
    })
    expect(machine.driver(AUDIO)).toBe(null)
    expect(machine.journals).toEqual(['group-7.json'])
    loadDriver(machine.bus, 'e1000e')
    expect(finishJournals(loadNative().locks, machine.places)).toMatchObject([{ state: 'back' }])
    expectUntouched(machine)
  })

  it('one function that fails does not keep the others from their drivers', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    machine.before = (what) => {
      if (what.startsWith(`${AUDIO}/driver/unbind`)) throw systemError('EIO', what)
    }
    await expect(giveBack(taken)).rejects.toMatchObject({ code: 'os-error' })
    expect(machine.driver(NIC)).toBe('e1000e')
    machine.before = () => undefined
    await expectFree(machine)
    expectUntouched(machine)
  })

  it('a function that was pulled out is no failure', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    unplug(machine.bus, AUDIO)
    await giveBack(taken)
    expect(machine.driver(NIC)).toBe('e1000e')
    expect(machine.journals).toEqual([])
  })

  it('a function that this process has open is left to the guardian, for the kernel would wait for this process', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    mkdirSync(join(machine.folder, 'proc', String(process.pid), 'fd'), { recursive: true })
    symlinkSync('/dev/vfio/7', join(machine.folder, 'proc', String(process.pid), 'fd', '9'))
    machine.written.length = 0
    await expect(giveBack(taken)).rejects.toMatchObject({ code: 'device-busy', message: expect.stringContaining(NIC) })
    expect(machine.written).toEqual([])
    expect(machine.journals).toEqual(['group-7.json'])
    await expect(takeGroup(NIC, machine.options())).rejects.toHaveProperty('code', 'device-busy')
  })

  it('giving back twice does it once', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    await giveBack(taken)
    machine.written.length = 0
    await giveBack(taken)
    expect(machine.written).toEqual([])
  })
})

it('what a dead holder left is put back before the group is taken anew', async () => {
  using machine = new FakeMachine(CARD)
  leaveBehind(machine)
  const taken = await takeGroup(NIC, machine.options())
  expect(taken.from).toMatchObject([{ address: NIC, driver: 'e1000e' }, { address: AUDIO }])
  await giveBack(taken)
  expectUntouched(machine)
})

it('a journal that cannot be read keeps the group from being taken', async () => {
  using machine = new FakeMachine()
  mkdirSync(join(machine.folder, 'journals'))
  writeFileSync(join(machine.folder, 'journals', 'group-7.json'), '{"schema": "probar-jour')
  await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({
    code: 'journal-invalid',
    message: expect.stringContaining('doctor --repair'),
  })
  expect(machine.written).toEqual([])
})

/** As after the death of a holder and its guardian. */
function leaveBehind(machine: FakeMachine): void {
  for (const address of [NIC]) {
    machine.places.write(join(machine.bus, 'devices', address, 'driver_override'), 'vfio-pci\n')
    machine.places.write(join(machine.bus, 'devices', address, 'driver', 'unbind'), `${address}\n`)
    machine.places.write(join(machine.bus, 'drivers_probe'), `${address}\n`)
  }
  const holder = { pid: 4242, purpose: 'probar run', startedAt: '2026-01-01T00:00:00.000Z', bootId: 'this-boot' }
  const functions = [{ address: NIC, driver: 'e1000e', override: null, until: 'end' }]
  mkdirSync(join(machine.folder, 'journals'))
  const journal = JSON.stringify({ schema: 'probar-journal/1', name: 'group-7', holder, functions })
  writeFileSync(join(machine.folder, 'journals', 'group-7.json'), journal)
}

it('what cannot be written down as bound by hand is put back', async () => {
  using machine = new FakeMachine()
  const taken = await takeGroup(NIC, machine.options())
  // Stands for a full disk: the fresh journal cannot be written beside the old one.
  mkdirSync(join(machine.folder, 'journals', 'group-7.json.new'))
  await expect(taken.leaveBound()).rejects.toThrow('no journal can be written')
  rmSync(join(machine.folder, 'journals', 'group-7.json.new'), { recursive: true, force: true })
  expectUntouched(machine)
  await expectFree(machine)
})

it('a log of the guardian that cannot be written is told in words, and nothing is taken', async () => {
  using machine = new FakeMachine()
  mkdirSync(join(machine.places.leases, 'group-7.log'), { recursive: true })
  await expect(takeGroup(NIC, machine.options())).rejects.toMatchObject({
    code: 'os-error',
    message: expect.stringContaining('group-7.log cannot be written (EISDIR)'),
  })
  expectUntouched(machine)
})
