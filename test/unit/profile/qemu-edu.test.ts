import { describe, expect, it } from '@jest/globals'
import { loadProfile } from '../../../src/profile/load.ts'

/** Facts of the device's specification (QEMU: docs/specs/edu), written here a second time on purpose. */
const registers: readonly (readonly [name: string, offset: number, width: number, access: string])[] = [
  ['identification', 0x00, 32, 'ro'],
  ['liveness', 0x04, 32, 'rw'],
  ['factorial', 0x08, 32, 'rw'],
  ['status', 0x20, 32, 'rw'],
  ['interruptStatus', 0x24, 32, 'ro'],
  ['interruptRaise', 0x60, 32, 'wo'],
  ['interruptAcknowledge', 0x64, 32, 'wo'],
  ['dmaSource', 0x80, 64, 'rw'],
  ['dmaDestination', 0x88, 64, 'rw'],
  ['dmaCount', 0x90, 64, 'rw'],
  ['dmaCommand', 0x98, 64, 'rw'],
]

describe('the profile of edu', () => {
  const profile = loadProfile('qemu-edu')
  const [region] = profile.regions

  it('has every register of the specification and no other', () => {
    const found = Object.entries(region?.registers ?? {}).map(([name, { offset, width, access }]) => [
      name,
      offset,
      width,
      access,
    ])
    expect(found).toEqual(registers)
  })

  it('describes one memory BAR of a mebibyte', () => {
    expect(profile.regions).toHaveLength(1)
    expect(region).toMatchObject({ index: 0, kind: 'memory', size: 0x10_0000 })
  })

  it('keeps transfers below the size of the buffer, and addresses within the default mask', () => {
    expect(profile.dma).toMatchObject({ addressBits: 28, maxTransfer: 4095, buffer: { offset: 0x4_0000, size: 4096 } })
  })
})
