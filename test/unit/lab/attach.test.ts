import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import type { AttachedDevice, NamedPresentation } from '../../../src/lab/presentation.ts'
import { attach as attachAt, boundDevices, MAX_ROOT_PORTS } from '../../../src/lab/qemu/attach.ts'

/** As `attach`, with an output folder. */
const attach = (named: readonly NamedPresentation[], passedThrough: readonly string[]): AttachedDevice[] =>
  attachAt(named, passedThrough, '/out')

const edu = { name: 'qemu-edu', presentation: { device: 'edu' } }

describe('attaching devices to the bench', () => {
  it('puts the first device at 0000:01:00.0 and each further one on the next bus', () => {
    const addresses = attach([edu, edu], ['pci-testdev']).map(({ address }) => address)
    expect(addresses).toEqual(['0000:01:00.0', '0000:02:00.0', '0000:03:00.0'])
  })

  it('writes bus numbers in hexadecimal', () => {
    const devices = attach(
      Array.from({ length: 10 }, () => edu),
      [],
    )
    expect(devices[9]?.address).toBe('0000:0a:00.0')
  })

  it('spells properties as QEMU does', () => {
    const properties = { dma_mask: '0xffff', count: 2, wide: 5n, on: true, off: false }
    const [device] = attach([{ name: 'x', presentation: { device: 'edu', properties } }], [])
    expect(device?.argument).toBe('edu,bus=port1,id=lab1,dma_mask=0xffff,count=2,wide=5,on=on,off=off')
  })

  it("puts a device's own id into its properties", () => {
    const disk = { device: 'nvme', properties: { drive: '{id}-disk' } }
    const devices = attach([edu, { name: 'nvme', presentation: disk }], [])
    expect(devices[1]?.argument).toBe('nvme,bus=port2,id=lab2,drive=lab2-disk')
  })

  it('doubles commas inside a property, where a single one would start the next', () => {
    const [device] = attach([{ name: 'x', presentation: { device: 'm', properties: { path: 'a,b' } } }], [])
    expect(device?.argument).toContain('path=a,,b')
  })

  it("names a device's further arguments after its own id, also when one profile is there twice", () => {
    const sound = { device: 'intel-hda', arguments: [['-device', 'hda-duplex,bus={id}.0']] } as const
    const devices = attach(
      [1, 2].map(() => ({ name: 'hda', presentation: sound })),
      [],
    )
    expect(devices.map(({ further }) => further[0]?.[1])).toEqual(['hda-duplex,bus=lab1.0', 'hda-duplex,bus=lab2.0'])
  })

  it('names the output folder in further arguments, its commas doubled', () => {
    const sound = { device: 'intel-hda', arguments: [['-audiodev', 'wav,path={out}/{id}.wav']] } as const
    const [device] = attachAt([{ name: 'hda', presentation: sound }], [], '/a,$&')
    expect(device?.further).toEqual([['-audiodev', 'wav,path=/a,,$&/lab1.wav']])
  })

  it('leaves a passed-through device on the bus that it names', () => {
    const [device] = attach([], ['hda-duplex,bus=hda.0'])
    expect(device).toMatchObject({ argument: 'hda-duplex,bus=hda.0,id=extra1', address: undefined, port: undefined })
  })

  it('keeps the id that a passed-through device names', () => {
    const [device] = attach([], ['edu,id=mine'])
    expect(device).toMatchObject({ id: 'mine', argument: 'edu,id=mine,bus=port1' })
  })

  it('does not take a doubled comma for the start of an option', () => {
    const [device] = attach([], ['model,path=a,,bus=x'])
    expect(device?.address).toBe('0000:01:00.0')
  })

  it.each(['', '=x', 'bus=pcie.0,edu', ',edu'])('refuses %j, which names no model', (argument) => {
    expect(() => attach([], [argument])).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  it('refuses more devices than there are root ports', () => {
    const many = (count: number) => Array.from({ length: count }, () => edu)
    expect(attach(many(MAX_ROOT_PORTS), [])).toHaveLength(MAX_ROOT_PORTS)
    try {
      attach(many(MAX_ROOT_PORTS), ['edu'])
      throw new Error('taken')
    } catch (error) {
      expect(codeOf(error)).toBe('usage')
    }
  })
})

describe('devices that are bound to vfio-pci', () => {
  const devices = attach([edu, { name: 'qemu-nvme', presentation: { device: 'nvme' } }], ['hda-duplex,bus=hda.0'])

  it('are all that have an address', () => {
    expect(boundDevices(devices, [])).toEqual(['0000:01:00.0', '0000:02:00.0'])
  })

  it.each(['qemu-nvme', '0000:02:00.0'])('are not those left to their own drivers: %s', (left) => {
    expect(boundDevices(devices, [left])).toEqual(['0000:01:00.0'])
  })

  it('cannot be left when they are not there; the message names those that are', () => {
    expect(() => boundDevices(devices, ['nvme'])).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/nvme.*qemu-nvme \(0000:02:00.0\)/) }),
    )
  })
})
