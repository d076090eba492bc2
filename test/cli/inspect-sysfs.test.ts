import { describe, expect, it } from '@jest/globals'
import { asJson } from '../../src/cli/inspect/json.ts'
import { asText } from '../../src/cli/inspect/text.ts'
import { type InspectedDevice, inspectDevice } from '../../src/session/machine/inspect.ts'
import { type FakeFunction, FakeSysfs } from '../unit/host/sysfs.ts'
import { ConfigBytes } from '../unit/pci/config-bytes.ts'

const ADDRESS = '0000:01:00.0'

/** Memory decoding on, pin A, line 255, a 64-bit BAR, a list of capabilities at 0x40. */
const header = (type = 0): ConfigBytes =>
  new ConfigBytes(256, type).put16(4, 2).put8(0x3c, 0xff).put8(0x3d, 1).put32(0x10, 0x8000_000c).list(0x40)

function inspected(fn: FakeFunction): InspectedDevice {
  using sysfs = new FakeSysfs({ [ADDRESS]: fn })
  return inspectDevice(ADDRESS, sysfs.path)
}
const text = (fn: FakeFunction): string => asText(inspected(fn), Number.POSITIVE_INFINITY)

describe('a device of this machine', () => {
  const config = header().bytes

  it('has what the kernel knows beside config space', () => {
    const files = { numa_node: '1\n', irq: '37\n' }
    const shown = text({ config, files, group: 7, neighbours: ['0000:01:00.1'], driver: 'e1000e' })
    expect(shown).toMatch(/^ {4}IOMMU group: 7, with 0000:01:00\.1$/m)
    expect(shown).toMatch(/^ {4}NUMA node: 1$/m)
    expect(shown).toMatch(/^ {4}Interrupt: pin A routed to IRQ 37$/m)
    expect(shown).toMatch(/^ {4}Driver: e1000e$/m)
    expect(shown).not.toContain('Config space:')
  })

  it('has sizes and addresses of BARs and ROM as the kernel has them', () => {
    const resources = {
      0: '0x0000004080000000 0x00000040803fffff 0x000000000014220c',
      6: '0x00000000feb00000 0x00000000feb0ffff 0x0000000000046200',
    }
    const shown = text({ config, resources })
    expect(shown).toMatch(/^ {4}BAR 0: memory at 0x4080000000, 4 MiB, 64-bit, prefetchable$/m)
    expect(shown).toMatch(/^ {4}ROM: at 0xfeb00000, 64 KiB, disabled$/m)
  })

  it('has an interrupt without a number where nobody routed it', () => {
    expect(text({ config })).toMatch(/^ {4}Interrupt: pin A$/m)
  })

  it('says how much of config space the kernel gave', () => {
    using sysfs = new FakeSysfs({ [ADDRESS]: { config } })
    const device = inspectDevice(ADDRESS, sysfs.path)
    const cut = { ...device, bytes: config.subarray(0, 64) }
    expect(asText(cut, 80)).toMatch(/^ {4}Config space: 64 of 256 bytes; the kernel gives more to root only$/m)
    expect(asJson(cut)).toMatchObject({ configSpace: { bytes: 64, size: 256, truncated: true } })
    expect(asJson(device)).toMatchObject({ configSpace: { bytes: 256, size: 256, truncated: false } })
  })
})

describe('a bridge', () => {
  const config = header(1).put32(0x20, 0xfe90_fe80).bytes

  it('has its windows with both ends', () => {
    expect(text({ config })).toMatch(/^ {4}Memory behind bridge: 0xfe800000 to 0xfe9fffff, 32-bit$/m)
    expect(asJson(inspected({ config }))).toMatchObject({
      windows: [{ kind: 'io' }, { kind: 'memory', base: '0xfe800000', limit: '0xfe9fffff' }, {}],
    })
  })
})

it('shows a capability that is not decoded by rows of 16 bytes', () => {
  const config = header().capability(0x40, 0x09, 0).put8(0x42, 18).put8(0x4f, 0xee).put8(0x50, 0xab).bytes
  expect(text({ config })).toMatch(/^ {8}09 00 12( 00){12} ee\n {8}ab 00$/m)
})
