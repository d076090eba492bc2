import { describe, expect, it } from '@jest/globals'
import type { Device } from '../../../src/device/contract.ts'
import type { Profile } from '../../../src/profile/schema.ts'
import { findRegister } from '../../../src/suite/registers.ts'

type Registers = NonNullable<Profile['regions'][number]['registers']>

const constant = { constant: { mask: 0xffffn, value: 0xedn } }

function profileWith(...regions: readonly Registers[]): Profile {
  return {
    name: 'own',
    title: 'a device',
    source: 'nowhere',
    match: [],
    regions: regions.map((registers, i) => ({ index: 2 * i, kind: 'memory', size: 4096n, registers })),
  } as unknown as Profile
}

const register = (offset: number, width: number, behaviour?: object): Registers =>
  ({ [`at${offset}`]: { offset, width, access: 'ro', ...(behaviour === undefined ? {} : { behaviour }) } }) as Registers

/** Its BARs 0 and 2 can be mapped, but for those named. */
const device = (...unmappable: readonly number[]): Pick<Device, 'regions'> =>
  ({ regions: [0, 2].map((index) => ({ index, mappable: !unmappable.includes(index) })) }) as unknown as Device

describe('a register whose answer is known', () => {
  it('is the first of 32 bits with that behaviour, in any BAR', () => {
    const profile = profileWith(
      { ...register(0, 64, constant), ...register(8, 32), ...register(12, 32, { inverts: true }) },
      { ...register(16, 32, constant), ...register(20, 32, constant) },
    )
    expect(findRegister(profile, 'constant', device())).toEqual({
      name: 'at16',
      region: 2,
      offset: 16,
      mask: 0xffff,
      value: 0xed,
    })
    expect(findRegister(profile, 'inverts', device())).toMatchObject({ name: 'at12', region: 0, offset: 12 })
  })

  it('is never in a BAR that cannot be mapped', () => {
    const profile = profileWith(register(0, 32, constant), register(16, 32, constant))
    expect(findRegister(profile, 'constant', device(0))?.offset).toBe(16)
    expect(findRegister(profile, 'constant', device(0, 2))).toBeUndefined()
  })

  it('is none where the profile tells nothing', () => {
    expect(findRegister(profileWith(register(0, 32)), 'constant', device())).toBeUndefined()
    expect(findRegister(profileWith(), 'inverts', device())).toBeUndefined()
  })
})
