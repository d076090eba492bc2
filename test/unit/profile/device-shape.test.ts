import { describe, expect, it } from '@jest/globals'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import { checkDeviceShape } from '../../../src/profile/device-shape.ts'
import { loadProfile } from '../../../src/profile/load.ts'
import type { Profile } from '../../../src/profile/schema.ts'
import { openSession } from '../../../src/session/open.ts'

const edu = loadProfile('qemu-edu')
const device = openLoopback('loopback:edu', { clock: new VirtualClock(), random: () => 0 })
const check = (changes: Partial<Profile>) => () => checkDeviceShape({ ...edu, ...changes }, device)
const mismatch = (told: RegExp) =>
  expect.objectContaining({ code: 'profile-mismatch', message: expect.stringMatching(told) })

describe("a device's shape", () => {
  it('is what its profile says', () => {
    expect(check({})).not.toThrow()
  })

  it('may have more than the profile tells', () => {
    expect(check({ regions: [], interrupts: {} })).not.toThrow()
  })

  it.each<[string, Profile['regions'], RegExp]>([
    ['of another size', [{ index: 0, kind: 'memory', size: 0x1000 }], /BAR 0 is memory of 0x1000 .*memory of 0x100000/],
    ['of another kind', [{ index: 0, kind: 'io', size: 0x100000 }], /BAR 0 is I\/O ports .*but memory/],
    ['that there is not', [{ index: 2, kind: 'memory', size: 0x1000 }], /the device has no BAR 2/],
  ])('has no BAR %s', (_, regions, told) => {
    expect(check({ regions })).toThrow(mismatch(told))
  })

  it.each<[string, Profile['interrupts'], RegExp]>([
    ['too many of MSI', { msi: 4 }, /msi has 4 vectors in the profile, but 1 on the device/],
    ['any of MSI-X', { msix: 5 }, /msix has 5 vectors in the profile, but 0/],
  ])('has not %s', (_, interrupts, told) => {
    expect(check({ interrupts })).toThrow(mismatch(told))
  })

  it('may lack INTx, which a platform need not route, but has no more of MSI than told', () => {
    const vectors = { intx: 0, msi: 8, msix: 0 }
    const routed = { regions: device.regions, interrupts: { ...device.interrupts, vectors } }
    expect(() => checkDeviceShape({ ...edu, interrupts: { intx: 1, msi: 8 } }, routed)).not.toThrow()
    expect(() => checkDeviceShape({ ...edu, interrupts: { intx: 1, msi: 1 } }, routed)).toThrow(mismatch(/msi has 1/))
  })

  it('is told with all that differs', () => {
    const wrong = check({ regions: [{ index: 5, kind: 'io', size: 4 }], interrupts: { msix: 2 } })
    expect(wrong).toThrow(mismatch(/no BAR 5; msix has 2/))
  })

  it('is looked at when a session opens', async () => {
    const opened = openSession({ device: 'loopback:edu?fault=bar-size-wrong' })
    await expect(opened).rejects.toEqual(mismatch(/BAR 0 is memory of 0x100000/))
  })
})
