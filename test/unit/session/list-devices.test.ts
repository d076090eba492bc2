import { expect, it } from '@jest/globals'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import { listDevices } from '../../../src/session/machine/list-devices.ts'
import { parseReference } from '../../../src/session/reference.ts'

it('lists the modelled device first, as what it is, ready and with its profile', () => {
  const [edu] = listDevices()
  using device = openLoopback('loopback:edu', { clock: new VirtualClock(), random: () => 0 })
  expect(edu).toMatchObject({ ref: 'loopback:edu', ...device.identity, profiles: ['qemu-edu'], groupMembers: [] })
  expect(edu?.bars.map(({ index, size }) => [index, size])).toEqual(
    device.regions.map(({ index, size }) => [index, size]),
  )
  expect(edu?.problem).toBeUndefined()
})

it('lists by references that a run takes, and says of each function why it cannot be used', () => {
  for (const { ref, problem, profiles, driver } of listDevices()) {
    expect(parseReference(ref).ref).toBe(ref)
    const usable = ref.startsWith('loopback:') || (driver === 'vfio-pci' && profiles.length > 0)
    if (!usable) expect(problem).toEqual(expect.any(String))
  }
})
