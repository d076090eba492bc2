import { describe, expect, it } from '@jest/globals'
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { listPciFunctions, readPciFunction } from '../../../src/host/linux/pci-functions.ts'
import { FakeSysfs } from './sysfs.ts'

const ADDRESS = '0000:01:00.0'

/** Of a virtual function. */
const IDS = {
  vendor: '0x8086\n',
  device: '0x10ed\n',
  subsystem_vendor: '0x15d9\n',
  subsystem_device: '0x0611\n',
  revision: '0x01\n',
  class: '0x020000\n',
}

describe('a PCI function in sysfs', () => {
  it('has the ids of its config space, its driver and its IOMMU group', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { ids: { vendor: 0x8086, device: 0x10d3 }, driver: 'e1000e', group: 12 } })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({
      address: ADDRESS,
      vendor: 0x8086,
      device: 0x10d3,
      driver: 'e1000e',
      iommuGroup: 12,
    })
  })

  it('may have neither driver nor group', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: {} })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({ driver: undefined, iommuGroup: undefined, bars: [] })
  })

  it('has group 0 when that is its group', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { group: 0 } })
    expect(readPciFunction(ADDRESS, sysfs.path).iommuGroup).toBe(0)
  })

  it('has the BARs that the kernel placed, with their kinds and sizes', () => {
    const fn = {
      registers: { 0: 0xfea0_0000, 1: 0xc001, 2: 0x8000_000c, 3: 0x1 },
      resources: {
        0: '0x00000000fea00000 0x00000000feafffff 0x0000000000040200',
        1: '0x000000000000c000 0x000000000000c01f 0x0000000000040101',
        2: '0x0000000180000000 0x00000001803fffff 0x000000000014220c',
        6: '0x00000000feb00000 0x00000000feb0ffff 0x0000000000046200',
      },
    }
    using sysfs = new FakeSysfs({ [ADDRESS]: fn })
    expect(readPciFunction(ADDRESS, sysfs.path).bars).toEqual([
      { index: 0, start: 0xfea0_0000n, size: 0x10_0000, kind: 'memory', addressBits: 32, prefetchable: false },
      { index: 1, start: 0xc000n, size: 0x20, kind: 'io', addressBits: 32, prefetchable: false },
      { index: 2, start: 0x1_8000_0000n, size: 0x40_0000, kind: 'memory', addressBits: 64, prefetchable: true },
    ])
  })

  it('has a BAR that the kernel found and put nowhere, at address 0', () => {
    const resources = { 0: '0x0000000000000000 0x0000000000ffffff 0x0000000020040200' }
    using sysfs = new FakeSysfs({ [ADDRESS]: { resources } })
    expect(readPciFunction(ADDRESS, sysfs.path).bars).toMatchObject([{ index: 0, start: 0n, size: 0x100_0000 }])
  })

  it('has a ROM where the kernel put it', () => {
    using sysfs = new FakeSysfs({
      [ADDRESS]: { resources: { 6: '0x00000000feb00000 0x00000000feb0ffff 0x0000000000046200' } },
    })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({
      rom: { start: 0xfeb0_0000n, size: 0x1_0000 },
      bars: [],
    })
  })

  it('has the other functions of its group in order, and not itself', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { group: 3, neighbours: ['0000:01:00.2', '0000:01:00.1'] } })
    expect(readPciFunction(ADDRESS, sysfs.path).groupMembers).toEqual(['0000:01:00.1', '0000:01:00.2'])
  })

  it('has a NUMA node and an interrupt where the kernel names them', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { files: { numa_node: '0\n', irq: '11\n' } } })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({ numaNode: 0, irq: 11 })
  })

  it('has neither where the kernel says that there is none', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { files: { numa_node: '-1\n', irq: '0\n' } } })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({ numaNode: undefined, irq: undefined })
  })

  it('has the ids that the kernel has, where config space has none as of a virtual function', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { ids: { vendor: 0xffff, device: 0xffff }, files: IDS } })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({
      vendor: 0x8086,
      device: 0x10ed,
      subsystemVendor: 0x15d9,
      subsystem: 0x611,
      revision: 1,
      classCode: 0x020000,
    })
  })

  it('is left asleep: its config space is not read where the kernel has all ids', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { files: IDS } })
    rmSync(join(sysfs.path, ADDRESS, 'config'))
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({ vendor: 0x8086, classCode: 0x020000 })
  })

  it('has ids of all ones where neither the kernel has them nor config space', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { config: new Uint8Array(3).fill(1), files: { device: '0x0002\n' } } })
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({ vendor: 0x0101, device: 2, classCode: 0xff_ffff })
  })

  it('has no BARs where the kernel has no file of them', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: {} })
    rmSync(join(sysfs.path, ADDRESS, 'resource'))
    expect(readPciFunction(ADDRESS, sysfs.path)).toMatchObject({ bars: [], rom: undefined })
  })

  it('is absent when there is no folder of its address, and the message says how to list what there is', () => {
    using sysfs = new FakeSysfs({})
    expect(() => readPciFunction(ADDRESS, sysfs.path)).toThrow(
      expect.objectContaining({ code: 'device-absent', message: expect.stringContaining('probar devices') }),
    )
  })
})

describe('the functions of a machine', () => {
  it('come in the order of their addresses', () => {
    const addresses = ['0001:00:00.0', '0000:02:00.0', '0000:00:1f.3', '0000:00:1f.2']
    using sysfs = new FakeSysfs(Object.fromEntries(addresses.map((address) => [address, {}])))
    expect(listPciFunctions(sysfs.path).map(({ address }) => address)).toEqual([
      '0000:00:1f.2',
      '0000:00:1f.3',
      '0000:02:00.0',
      '0001:00:00.0',
    ])
  })

  it('are listed without one that is unplugged meanwhile', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: {}, '0000:02:00.0': {} })
    rmSync(join(sysfs.path, '0000:02:00.0'), { recursive: true })
    symlinkSync('../gone', join(sysfs.path, '0000:02:00.0'))
    expect(listPciFunctions(sysfs.path).map(({ address }) => address)).toEqual([ADDRESS])
  })

  it('are none where there is no sysfs', () => {
    expect(listPciFunctions('/nowhere/sys/bus/pci/devices')).toEqual([])
  })
})
