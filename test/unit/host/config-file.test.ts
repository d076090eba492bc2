import { describe, expect, it } from '@jest/globals'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { readConfigFile, readConfigHeader } from '../../../src/host/linux/config-file.ts'
import { FakeSysfs } from './sysfs.ts'

const ADDRESS = '0000:01:00.0'
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)

describe('the config file of a function', () => {
  it.each([256, 4096])('gives all %i bytes that there are', (length) => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { config: counting(length) } })
    expect(readConfigFile(ADDRESS, sysfs.path)).toEqual({ bytes: counting(length), size: length })
  })

  it('gives the header alone when no more is asked for', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { config: counting(4096) } })
    expect(readConfigHeader(ADDRESS, sysfs.path)).toEqual(counting(64))
  })

  it('is absent when the function is', () => {
    using sysfs = new FakeSysfs({})
    expect(() => readConfigFile(ADDRESS, sysfs.path)).toThrow(expect.objectContaining({ code: 'device-absent' }))
  })

  it('may be empty', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: {} })
    truncateSync(join(sysfs.path, ADDRESS, 'config'))
    expect(readConfigFile(ADDRESS, sysfs.path).bytes.length).toBe(0)
  })
})
