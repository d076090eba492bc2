import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ProbarError } from '../../../src/base/errors.ts'
import { parseDump } from '../../../src/pci/dump.ts'

const hex = (value: number, digits = 2): string => value.toString(16).padStart(digits, '0')

/** As lspci writes it: 16 bytes a line. */
function dumped(address: string, bytes: Uint8Array, between: readonly string[] = []): string {
  const rows = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) => {
    const values = [...bytes.subarray(row * 16, row * 16 + 16)].map((value) => hex(value))
    return `${hex(row * 16)}: ${values.join(' ')}`
  })
  return [`${address} Class 0200: Device 8086:10d3`, ...between, ...rows, '', ''].join('\n')
}

const SIZES = [64, 256, 4096]
const bytesOf = fc.constantFrom(...SIZES).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))

describe('parseDump', () => {
  it('gives back the bytes of every function', () => {
    fc.assert(
      fc.property(bytesOf, bytesOf, (first, second) => {
        const text = dumped('01:00.0', first) + dumped('0001:02:1f.7', second)
        expect(parseDump(text)).toEqual([
          { address: '0000:01:00.0', bytes: first },
          { address: '0001:02:1f.7', bytes: second },
        ])
      }),
      { numRuns: 20 },
    )
  })

  it('skips what -v and -vv write between', () => {
    const between = ['\tControl: I/O+ Mem+', '\tCapabilities: [40] MSI: Enable-', '\t\tAddress: 0000  Data: 0000']
    expect(parseDump(dumped('01:00.0', new Uint8Array(64), between))).toHaveLength(1)
  })

  it('takes what -vmm writes, which has a name in front of each line', () => {
    const text = dumped('01:00.0', new Uint8Array(64), ['Vendor:\tIntel Corporation', 'Device:\tDevice 0d57'])
    expect(parseDump(`Slot:\t${text}`).map(({ address }) => address)).toEqual(['0000:01:00.0'])
  })

  it('takes the line ends of Windows', () => {
    expect(parseDump(dumped('01:00.0', new Uint8Array(64)).replaceAll('\n', '\r\n'))).toHaveLength(1)
  })

  const good = dumped('01:00.0', new Uint8Array(64))
  it.each([
    ['nothing', '', /no line with a PCI address/],
    ['something else', 'hello\nworld\n', /no line with a PCI address/],
    ['a listing without bytes', '01:00.0 Ethernet controller: Intel\n', /line 1: 0000:01:00.0 has 0 bytes/],
    ['a header that is cut short', good.split('\n').slice(0, 4).join('\n'), /has 48 bytes of config space/],
    ['a missing line', good.replace(/^10: .*\n/m, ''), /line 3: it goes on at 20, where 10 is due/],
    ['a line twice', good.replace(/^(10: .*\n)/m, '$1$1'), /line 4: it goes on at 10, where 20 is due/],
    ['a digit that is none', good.replace('10: 00', '10: 0g'), /line 3: '10: 0g .*' is no line of bytes/],
    ['a long line of something else', `01:00.0\n00: ${'x'.repeat(1e6)}`, /line 2: '.{4,60}' is no line of bytes/],
    ['a byte of three digits', good.replace('10: 00', '10: 000'), /line 3: .* is no line of bytes/],
    ['bytes without an address', good.split('\n').slice(1).join('\n'), /line 1: bytes before any PCI address/],
    ['a function twice', good + good, /line 7: 0000:01:00.0 is there twice/],
    ['more than 4096 bytes', dumped('01:00.0', new Uint8Array(4112)), /at most 4096 bytes/],
  ])('refuses %s, and says where', (_, text, message) => {
    expect(() => parseDump(text)).toThrow(expect.objectContaining({ code: 'dump-invalid' }))
    expect(() => parseDump(text)).toThrow(message)
  })

  it('throws nothing but dump-invalid, whatever the text', () => {
    const words = fc.array(fc.constantFrom('01:00.0', '00:', '10:', ' 00', ' ff', '\n', '\t', 'x', ' 0'), {
      maxLength: 80,
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          words.map((all) => all.join('')),
        ),
        (text) => {
          try {
            parseDump(text)
          } catch (error) {
            expect(error).toBeInstanceOf(ProbarError)
            expect(error).toHaveProperty('code', 'dump-invalid')
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
