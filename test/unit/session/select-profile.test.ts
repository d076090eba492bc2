import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { loadProfile } from '../../../src/profile/load.ts'
import { selectProfile } from '../../../src/session/select-profile.ts'

const EDU = {
  vendor: 0x1234,
  device: 0x11e8,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
  revision: 0x10,
  classCode: 0xff00,
}
const NIC = { ...EDU, vendor: 0x8086, device: 0x10d3 }

describe('the profile of a device', () => {
  it('is the only one that matches, when none was asked for', () => {
    expect(selectProfile(undefined, EDU).name).toBe('qemu-edu')
  })

  it('is the one that was asked for, by name or by file', () => {
    expect(selectProfile('qemu-edu', EDU).name).toBe('qemu-edu')
    expect(selectProfile('./hw-profiles/qemu-edu.yaml', EDU).name).toBe('qemu-edu')
  })

  it('is unknown when none matches; the message names the device and the option', () => {
    expect(() => selectProfile(undefined, NIC)).toThrow(
      expect.objectContaining({ code: 'profile-unknown', message: expect.stringMatching(/0x8086:0x10d3.*--profile/) }),
    )
  })

  it('is ambiguous when several match; the message names them and the option', () => {
    const one = loadProfile('qemu-edu')
    const known = [one, { ...one, name: 'edu-64' }, { ...one, name: 'other', match: [{ vendor: 1, device: 1 }] }]
    expect(() => selectProfile(undefined, EDU, () => known)).toThrow(
      expect.objectContaining({
        code: 'profile-ambiguous',
        message: expect.stringMatching(/qemu-edu, edu-64; .*--profile/),
      }),
    )
    expect(selectProfile('qemu-edu', EDU, () => known).name).toBe('qemu-edu')
  })

  it('that is taken by name only neither makes the choice ambiguous nor is taken unasked', () => {
    expect(selectProfile('qemu-edu-64', EDU).dma?.addressBits).toBe(64)
    expect(selectProfile(undefined, EDU).dma?.addressBits).toBe(28)
    const known = [{ ...loadProfile('qemu-edu-64') }]
    expect(() => selectProfile(undefined, EDU, () => known)).toThrow(
      expect.objectContaining({ code: 'profile-unknown' }),
    )
  })

  it('is refused when it is for another device; the message names both', () => {
    expect(() => selectProfile('qemu-edu', NIC)).toThrow(
      expect.objectContaining({
        code: 'profile-mismatch',
        message: expect.stringMatching(/0x1234:0x11e8.*0x8086:0x10d3.*choose another/),
      }),
    )
  })

  it('that there is not is unknown, and one that is wrong is invalid', () => {
    const folder = mkdtempSync(join(tmpdir(), 'probar-profile-'))
    const file = join(folder, 'wrong.yaml')
    writeFileSync(file, 'name: wrong\ncolour: red\n')
    expect(() => selectProfile('qemu-edo', EDU)).toThrow(expect.objectContaining({ code: 'profile-unknown' }))
    expect(() => selectProfile(join(folder, 'none.yaml'), EDU)).toThrow(
      expect.objectContaining({ code: 'profile-unknown' }),
    )
    expect(() => selectProfile(file, EDU)).toThrow(expect.objectContaining({ code: 'profile-invalid' }))
    rmSync(folder, { recursive: true })
  })
})
