import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { checkProfileMatches, loadProfile, matchProfiles, profileNames } from '../../../src/profile/load.ts'
import { parseProfile } from '../../../src/profile/parse.ts'
import { exampleYaml } from './example.ts'

const identity = {
  vendor: 0x1234,
  device: 0x5678,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
  revision: 0x10,
  classCode: 0x00ff00,
}
const profileFor = (match: string) =>
  parseProfile(exampleYaml().replace('{ vendor: 0x1234, device: 0x5678 }', match), 'my.yaml')

function thrown(action: () => unknown): Error {
  try {
    action()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}

describe('the profiles that come with Probar', () => {
  it.each(profileNames())('%s is valid and bears the name of its file', (name) => {
    expect(loadProfile(name).name).toBe(name)
  })

  it('are found by name', () => {
    expect(profileNames()).toContain('qemu-edu')
  })
})

describe('loading a profile', () => {
  it('suggests a name for one that is unknown', () => {
    const error = thrown(() => loadProfile('qemu-edo'))
    expect(codeOf(error)).toBe('profile-unknown')
    expect(error.message).toContain('did you mean qemu-edu?')
  })

  it.each(['./qemu-edu', 'nowhere.yaml', 'nowhere.yml'])('takes %s for a file', (file) => {
    const error = thrown(() => loadProfile(file))
    expect(codeOf(error)).toBe('profile-unknown')
    expect(error.message).toContain(`the profile ${file} cannot be read`)
  })

  it('reads a file and calls it by its name in a complaint', () => {
    const folder = mkdtempSync(join(tmpdir(), 'probar-profile-'))
    const file = join(folder, 'mine.yaml')
    try {
      writeFileSync(file, exampleYaml())
      expect(loadProfile(file).name).toBe('example')
      writeFileSync(file, exampleYaml({ more: 'colour: red' }))
      expect(thrown(() => loadProfile(file)).message).toMatch(`${file}:14:1: colour: is no known key`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('matching a device', () => {
  it.each([
    ['the ids', '{ vendor: 0x1234, device: 0x5678 }', true],
    [
      'every id there is',
      '{ vendor: 0x1234, device: 0x5678, subsystemVendor: 0x1af4, subsystem: 0x1100, revision: 0x10, class: 0x00ff00 }',
      true,
    ],
    ['another vendor', '{ vendor: 0x1235, device: 0x5678 }', false],
    ['another device', '{ vendor: 0x1234, device: 0x5679 }', false],
    ['another subsystem vendor', '{ vendor: 0x1234, device: 0x5678, subsystemVendor: 0 }', false],
    ['another subsystem', '{ vendor: 0x1234, device: 0x5678, subsystem: 0 }', false],
    ['another revision', '{ vendor: 0x1234, device: 0x5678, revision: 0 }', false],
    ['another class', '{ vendor: 0x1234, device: 0x5678, class: 0 }', false],
  ])('by %s', (_, match, matches) => {
    const profile = profileFor(match)
    expect(matchProfiles(identity, [profile])).toEqual(matches ? [profile] : [])
  })

  it('accepts any entry of the list', () => {
    const profile = profileFor('{ vendor: 1, device: 1 }\n  - { vendor: 0x1234, device: 0x5678 }')
    expect(() => checkProfileMatches(profile, identity)).not.toThrow()
  })

  it('keeps the order of the profiles', () => {
    const [one, other, another] = [
      profileFor('{ vendor: 0x1234, device: 0x5678 }'),
      profileFor('{ vendor: 1, device: 1 }'),
      profileFor('{ vendor: 0x1234, device: 0x5678, revision: 0x10 }'),
    ]
    expect(matchProfiles(identity, [one, other, another])).toEqual([one, another])
  })

  it('names the ids of both when they differ', () => {
    const error = thrown(() =>
      checkProfileMatches(profileFor('{ vendor: 0x1234, device: 0x5678, revision: 2 }'), identity),
    )
    expect(codeOf(error)).toBe('profile-mismatch')
    expect(error.message).toContain(
      'is for 0x1234:0x5678 revision 0x2, but the device is 0x1234:0x5678 (subsystem 0x1af4:0x1100, revision 0x10',
    )
  })
})
