import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { deviceNames } from '../../../src/pci/ids/device-names.ts'
import { builtInNames, parsePciIds } from '../../../src/pci/ids/pci-ids.ts'

const LIST = [
  '#',
  '#\tA list.  With words.',
  '',
  '8086  Intel Corporation',
  '\t10d3  82574L Gigabit Network Connection',
  '\t\t1af4 1100  A card of the bench',
  '\t10d4  Another',
  '1af4  Red Hat, Inc.',
  '\t1041  Virtio 1.0 network device',
  'Z 01  A part that is not known',
  '\t10d3  Not of Intel',
  'C 01  Mass storage controller',
  '\t08  Non-Volatile memory controller',
  '\t\t02  NVM Express',
  '\t80  Mass storage controller, other',
  'C 10  A base class with the digits of an id',
  '',
].join('\n')

describe('a list in the format of pci.ids', () => {
  const names = parsePciIds(LIST)

  it('has vendors, devices and subsystems', () => {
    expect(names.vendor(0x8086)).toBe('Intel Corporation')
    expect(names.device(0x8086, 0x10d3)).toBe('82574L Gigabit Network Connection')
    expect(names.subsystem(0x8086, 0x10d3, 0x1af4, 0x1100)).toBe('A card of the bench')
    expect(names.device(0x1af4, 0x1041)).toBe('Virtio 1.0 network device')
  })

  it('has a device under its own vendor only', () => {
    expect(names.device(0x1af4, 0x10d3)).toBeUndefined()
    expect(names.subsystem(0x8086, 0x10d4, 0x1af4, 0x1100)).toBeUndefined()
  })

  it('has classes by as much of the code as it names', () => {
    expect([0x010802, 0x018000, 0x01ff00].map((code) => names.className(code))).toEqual([
      'Non-Volatile memory controller',
      'Mass storage controller, other',
      'Mass storage controller',
    ])
    expect([0x010802, 0x010803].map((code) => names.programmingInterface(code))).toEqual(['NVM Express', undefined])
  })

  it('keeps classes and vendors apart', () => {
    expect(names.vendor(0x0010)).toBeUndefined()
    expect(names.className(0x100000)).toBe('A base class with the digits of an id')
  })

  it('skips a part that it does not know', () => {
    expect(names.device(0x1af4, 0x10d3)).toBeUndefined()
    expect(names.device(0x8086, 0x10d3)).not.toBe('Not of Intel')
  })

  it('has what was written into it', () => {
    const id = fc.integer({ min: 0, max: 0xffff })
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9 ]{0,12}[A-Za-z]$/).filter((text) => !text.includes('  '))
    const digits = (value: number): string => value.toString(16).padStart(4, '0')
    const entries = fc.uniqueArray(
      fc.tuple(id, word, fc.uniqueArray(fc.tuple(id, word), { selector: ([key]) => key })),
      {
        selector: ([key]) => key,
      },
    )
    fc.assert(
      fc.property(entries, (vendors) => {
        const lines = vendors.flatMap(([vendor, name, devices]) => [
          `${digits(vendor)}  ${name}`,
          ...devices.map(([device, text]) => `\t${digits(device)}  ${text}`),
        ])
        const read = parsePciIds(lines.join('\n'))
        for (const [vendor, name, devices] of vendors) {
          expect(read.vendor(vendor)).toBe(name)
          for (const [device, text] of devices) expect(read.device(vendor, device)).toBe(text)
        }
      }),
    )
  })

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.constantFrom('\t', '\n', '8086', '  ', 'x', 'C ', '01', '#')),
        (text, parts) => {
          expect(() => parsePciIds(text + parts.join(''))).not.toThrow()
        },
      ),
    )
  })
})

describe('names without a list', () => {
  it('are those of the common classes', () => {
    expect(builtInNames.className(0x020000)).toBe('Ethernet controller')
    expect(builtInNames.className(0x02ff00)).toBe('Network controller')
    expect(builtInNames.className(0x770000)).toBeUndefined()
    expect(builtInNames.vendor(0x8086)).toBeUndefined()
  })
})

describe('deviceNames', () => {
  const ids = {
    vendor: 0x8086,
    device: 0x10d3,
    subsystemVendor: 0x1af4,
    subsystem: 0x1100,
    revision: 0,
    classCode: 0x010802,
  }
  const names = parsePciIds(LIST)

  it('has all that the list knows', () => {
    expect(deviceNames(ids, names)).toEqual({
      vendor: 'Intel Corporation',
      device: '82574L Gigabit Network Connection',
      subsystem: 'Red Hat, Inc. A card of the bench',
      class: 'Non-Volatile memory controller',
      programmingInterface: 'NVM Express',
    })
  })

  it('falls back to the maker of the card', () => {
    expect(deviceNames({ ...ids, subsystem: 2 }, names).subsystem).toBe('Red Hat, Inc.')
  })

  it('has no member for what is not known, and no subsystem of 0000:0000', () => {
    const unknown = { ...ids, vendor: 1, classCode: 0x770000, subsystemVendor: 0, subsystem: 0 }
    expect(Object.keys(deviceNames(unknown, names))).toEqual([])
  })
})
