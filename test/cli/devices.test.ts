import { describe, expect, it } from '@jest/globals'
import { details } from '../../src/cli/devices/details.ts'
import { asJson } from '../../src/cli/devices/json.ts'
import { asTable } from '../../src/cli/devices/table.ts'
import { physicalAddress } from '../../src/base/address.ts'
import type { ListedDevice } from '../../src/session/machine/list-devices.ts'
import { probar } from './probar.ts'

const card: ListedDevice = {
  ref: 'vfio:0000:03:00.0',
  vendor: 0x8086,
  device: 0x10d3,
  subsystemVendor: 0x8086,
  subsystem: 0xa01f,
  revision: 2,
  classCode: 0x020000,
  driver: 'snd_hda_intel',
  group: 15,
  names: { vendor: 'Intel Corporation', device: '82574L Gigabit', class: 'Ethernet controller of a long name' },
  groupMembers: ['0000:03:00.1'],
  numaNode: 1,
  bars: [
    {
      index: 2,
      kind: 'memory',
      start: physicalAddress(0x1_0000_0000n),
      size: 0x2_0000,
      addressBits: 64,
      prefetchable: true,
    },
  ],
  profiles: ['intel-82574'],
  problem: 'bound to snd_hda_intel',
}

describe('the table of devices', () => {
  it('stays within 80 columns, at the expense of the class', () => {
    const lines = asTable([card]).trimEnd().split('\n')
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(80)
    expect(lines[1]).toMatch(/^0000:03:00\.0  8086:10d3  Ethernet c…  15 {5}intel-82574  bound to snd_hda_intel$/)
  })

  it('takes the room that a wide terminal has', () => {
    expect(asTable([card], 200)).toContain('  Ethernet controller of a long name  ')
  })

  it('shows the whole class where there is room, and its code where it has no name', () => {
    const { problem: _problem, ...ready } = { ...card, names: {}, profiles: [] }
    expect(asTable([ready])).toMatch(/ 020000 .*ready$/m)
    expect(asTable([{ ...ready, names: { class: 'Ethernet controller' } }])).toContain('Ethernet controller  ')
  })
})

describe('a device in detail', () => {
  it('has everything that the table leaves out', () => {
    const text = details(card)
    expect(text).toMatch(/name +Intel Corporation 82574L Gigabit$/m)
    expect(text).toMatch(/IOMMU group  15, with 0000:03:00\.1$/m)
    expect(text).toMatch(/NUMA node +1$/m)
    expect(text).toMatch(/BAR 2 +memory at 0x100000000, 128 KiB, 64-bit, prefetchable$/m)
    expect(text).toMatch(/state +bound to snd_hda_intel$/m)
  })

  it('has in JSON every fact, and whether it is ready', () => {
    expect(asJson(card)).toEqual({
      ref: 'vfio:0000:03:00.0',
      vendor: '0x8086',
      device: '0x10d3',
      subsystemVendor: '0x8086',
      subsystem: '0xa01f',
      revision: '0x02',
      class: '0x020000',
      names: card.names,
      driver: 'snd_hda_intel',
      group: 15,
      groupMembers: ['0000:03:00.1'],
      numaNode: 1,
      bars: [{ index: 2, kind: 'memory', start: '0x100000000', size: 0x2_0000, addressBits: 64, prefetchable: true }],
      profiles: ['intel-82574'],
      ready: false,
      problem: 'bound to snd_hda_intel',
    })
  })
})

describe('probar devices', () => {
  it('lists the model, which is always ready', async () => {
    const { status, stdout, stderr } = await probar(['devices'])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^DEVICE +ID +CLASS +GROUP +PROFILE +STATE$/m)
    expect(stdout).toMatch(/^loopback:edu +1234:11e8 +Uncl\S* ?\S* +- +qemu-edu +ready$/m)
  })

  it('shows with --verbose what the model has', async () => {
    expect((await probar(['devices', '--verbose'])).stdout).toMatch(/^ {4}BAR 0 +memory at 0xfea00000, 1 MiB, 32-bit$/m)
  })

  it('lists the same in JSON', async () => {
    const [model] = JSON.parse((await probar(['devices', '--json'])).stdout) as readonly object[]
    expect(model).toMatchObject({ ref: 'loopback:edu', vendor: '0x1234', profiles: ['qemu-edu'], ready: true })
  })
})
