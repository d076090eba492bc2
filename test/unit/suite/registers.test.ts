import { describe, expect, it } from '@jest/globals'
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

describe('a register whose answer is known', () => {
  it('is the first of 32 bits with that behaviour, in any BAR', () => {
    const profile = profileWith(
      { ...register(0, 64, constant), ...register(8, 32), ...register(12, 32, { inverts: true }) },
      { ...register(16, 32, constant), ...register(20, 32, constant) },
    )
    expect(findRegister(profile, 'constant')).toEqual({
      name: 'at16',
      region: 2,
      offset: 16,
      mask: 0xffff,
      value: 0xed,
    })
    expect(findRegister(profile, 'inverts')).toMatchObject({ name: 'at12', region: 0, offset: 12 })
  })

  it('is none where the profile tells nothing', () => {
    expect(findRegister(profileWith(register(0, 32)), 'constant')).toBeUndefined()
    expect(findRegister(profileWith(), 'inverts')).toBeUndefined()
  })
})
