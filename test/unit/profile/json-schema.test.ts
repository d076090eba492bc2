import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { knownKeys, profileJsonSchema } from '../../../src/profile/json-schema.ts'
import { profileNames } from '../../../src/profile/load.ts'

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

describe('the JSON Schema of profiles', () => {
  it('is published as docs/schema/profile.schema.json; node docs/schema/write.mjs writes it', () => {
    expect(JSON.parse(read('docs/schema/profile.schema.json'))).toEqual(profileJsonSchema())
  })

  it.each(profileNames())('is named in %s for editors', (name) => {
    const [first] = read(`hw-profiles/${name}.yaml`).split('\n')
    expect(first).toBe('# yaml-language-server: $schema=../docs/schema/profile.schema.json')
  })

  it.each([
    ['at the top', [], 'interrupts'],
    ['in a list', ['match', 0], 'subsystemVendor'],
    ['under a name that the author chose', ['regions', 3, 'registers', 'status'], 'behaviour'],
  ])('knows the keys %s', (_, path, key) => {
    expect(knownKeys(profileJsonSchema(), path)).toContain(key)
  })
})
