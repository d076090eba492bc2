import { describe, expect, it } from '@jest/globals'
import { BENCH_DEVICES, presentationsOf } from '../../src/cli/lab/lab-devices.ts'
import { loadProfile, profileNames } from '../../src/profile/load.ts'

describe('the devices of the bench', () => {
  it('are all that a profile presents to it, each once', () => {
    const presented = profileNames().filter((name) => loadProfile(name).lab !== undefined)
    expect(BENCH_DEVICES.toSorted()).toEqual(presented)
  })

  it('are what `all` names, in their order', () => {
    expect(presentationsOf('all', '/').map(({ name }) => name)).toEqual(BENCH_DEVICES)
    expect(presentationsOf('none', '/')).toEqual([])
  })

  it('keep their addresses: what is added comes last', () => {
    expect(BENCH_DEVICES.slice(0, 4)).toEqual(['qemu-edu', 'qemu-edu-64', 'qemu-pci-testdev', 'qemu-nvme'])
    expect(BENCH_DEVICES.indexOf('qemu-bochs-display')).toBe(9)
  })
})

describe('the profile of edu with all address bits', () => {
  it('differs from that of the plain one in its address bits, and in nothing else that is about the device', () => {
    const { name, title, onlyByName, lab, dma, ...wide } = loadProfile('qemu-edu-64')
    const { name: _name, title: _title, lab: _lab, dma: plainDma, ...plain } = loadProfile('qemu-edu')
    expect(wide).toEqual(plain)
    expect(dma).toEqual({ ...plainDma, addressBits: 64 })
    expect([name, title, onlyByName, lab?.qemu.properties]).toEqual([
      'qemu-edu-64',
      expect.stringContaining('64 bits'),
      true,
      { dma_mask: '0xffffffffffffffff' },
    ])
  })
})
