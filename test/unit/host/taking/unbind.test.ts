import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ProbarError } from '../../../../src/base/errors.ts'
import { takeGroup } from '../../../../src/host/linux/taking/take.ts'
import { unbindGroup } from '../../../../src/host/linux/taking/unbind.ts'
import { AUDIO, FakeMachine, NIC } from './machine.ts'

/** As `probar bind` does it. */
async function bind(machine: FakeMachine): Promise<void> {
  await (await takeGroup(NIC, machine.options())).leaveBound()
}

describe('what was bound by hand', () => {
  it('stays bound, with its lease free, and is remembered', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    expect([machine.driver(NIC), machine.driver(AUDIO)]).toEqual(['vfio-pci', 'vfio-pci'])
    expect(machine.journals).toEqual(['group-7.json'])
    await bind(machine)
    expect(machine.journals).toEqual(['group-7.json'])
  })

  it('stays bound when a run has used it', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    await (await takeGroup(NIC, machine.options()))[Symbol.asyncDispose]()
    expect(machine.driver(NIC)).toBe('vfio-pci')
    expect(machine.journals).toEqual(['group-7.json'])
  })

  it('has what it had before, after unbinding; a second time there is nothing to do', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    expect(await unbindGroup(NIC, machine.options())).toEqual([
      { address: NIC, state: 'back', driver: 'e1000e' },
      { address: AUDIO, state: 'back', driver: null },
    ])
    expect([machine.override(NIC), machine.override(AUDIO)]).toEqual(['(null)', '(null)'])
    expect(machine.journals).toEqual([])
    machine.written.length = 0
    expect(await unbindGroup(NIC, machine.options())).toEqual([
      { address: NIC, state: 'free', driver: 'e1000e' },
      { address: AUDIO, state: 'free', driver: null },
    ])
    expect(machine.written).toEqual([])
  })

  it('of which a part was given to a driver since: a run takes that part, and gives back that part', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    machine.places.write(join(machine.bus, 'devices', NIC, 'driver_override'), '\n')
    machine.places.write(join(machine.bus, 'devices', NIC, 'driver', 'unbind'), NIC)
    machine.places.write(join(machine.bus, 'drivers_probe'), NIC)
    const taken = await takeGroup(NIC, machine.options())
    expect(taken.from).toMatchObject([{ address: NIC, driver: 'e1000e' }])
    await taken[Symbol.asyncDispose]()
    expect([machine.driver(NIC), machine.driver(AUDIO)]).toEqual(['e1000e', 'vfio-pci'])
    await unbindGroup(NIC, machine.options())
    expect([machine.driver(NIC), machine.driver(AUDIO)]).toEqual(['e1000e', null])
    expect(machine.journals).toEqual([])
  })
})

describe('unbinding', () => {
  it('what nobody wrote down: the kernel chooses', async () => {
    using machine = new FakeMachine({ [NIC]: { driver: 'vfio-pci', group: 7 } })
    writeFileSync(join(machine.sysfs.path, NIC, 'knows'), 'e1000e')
    writeFileSync(join(machine.sysfs.path, NIC, 'driver_override'), 'vfio-pci\n')
    expect(await unbindGroup(NIC, machine.options())).toEqual([{ address: NIC, state: 'released', driver: 'e1000e' }])
    expect(machine.override(NIC)).toBe('(null)')
  })

  it('what was bound before the last boot: that journal counts no more', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    writeFileSync(join(machine.folder, 'boot_id'), 'another-boot')
    const states = (await unbindGroup(NIC, machine.options())).map(({ state }) => state)
    expect(states).toEqual(['released', 'released'])
    expect(machine.journals).toEqual([])
  })

  it('is refused while a program has the device open, for the kernel would wait without end', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    mkdirSync(join(machine.folder, 'proc', '321', 'fd'), { recursive: true })
    symlinkSync('/dev/vfio/7', join(machine.folder, 'proc', '321', 'fd', '9'))
    machine.written.length = 0
    await expect(unbindGroup(NIC, machine.options())).rejects.toMatchObject({
      code: 'device-busy',
      message: expect.stringContaining('321'),
    })
    expect(machine.written).toEqual([])
    rmSync(join(machine.folder, 'proc', '321'), { recursive: true })
    expect(await unbindGroup(NIC, machine.options())).toMatchObject([{ driver: 'e1000e' }, { driver: null }])
  })

  it('is refused while a run has the device', async () => {
    using machine = new FakeMachine()
    const taken = await takeGroup(NIC, machine.options())
    await expect(unbindGroup(NIC, machine.options())).rejects.toHaveProperty('code', 'device-busy')
    expect(machine.driver(NIC)).toBe('vfio-pci')
    await taken[Symbol.asyncDispose]()
  })

  it('is refused for what the machine lives on', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    const refuseUse = (): void => {
      throw new ProbarError('device-protected', 'it carries the root file system')
    }
    const places = { ...machine.places, refuseUse }
    await expect(unbindGroup(NIC, machine.options({ places }))).rejects.toHaveProperty('code', 'device-protected')
    expect(machine.driver(NIC)).toBe('vfio-pci')
  })

  it('to a driver that is gone fails, names it, and still knows it the next time', async () => {
    using machine = new FakeMachine()
    await bind(machine)
    rmSync(join(machine.bus, 'drivers', 'e1000e'), { recursive: true })
    await expect(unbindGroup(NIC, machine.options())).rejects.toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/e1000e.*modprobe e1000e/),
    })
    expect(machine.driver(AUDIO)).toBe(null)
    mkdirSync(join(machine.bus, 'drivers', 'e1000e'))
    expect(await unbindGroup(NIC, machine.options())).toContainEqual({ address: NIC, state: 'back', driver: 'e1000e' })
  })
})
