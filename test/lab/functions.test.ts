import { existsSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Device } from '../../src/device/contract.ts'
import { listPciFunctions } from '../../src/host/linux/pci-functions.ts'
import { traceDevice } from '../../src/session/traced-device.ts'
import { Trace } from '../../src/session/trace.ts'
import { failure } from '../contract/bench.ts'
import { triggerEach } from '../contract/checks/interrupts.ts'
import { openPciDevice } from './pci-bench.ts'

/**
 * What edu does not have: many vectors, a ROM, I/O ports, and company in its slot. The guest has nec-usb-xhci, nvme, e1000e,
 * pci-testdev and two edu functions in one slot, each bound to vfio-pci but the second of these (lab/test.mjs).
 */
const bound = listPciFunctions().filter(({ driver }) => driver === 'vfio-pci')

function addressOf(vendor: number, device: number): string {
  const found = bound.find((fn) => fn.vendor === vendor && fn.device === device)
  if (found === undefined) throw new Error('the guest lacks a device that this test needs')
  return found.address
}

const [XHCI, NVME, E1000E, TESTDEV] = [
  [0x1033, 0x0194],
  [0x1b36, 0x0010],
  [0x8086, 0x10d3],
  [0x1b36, 0x0005],
] as const

describe('vectors', () => {
  it.each([
    ['nec-usb-xhci', XHCI, { intx: 1, msi: 16, msix: 16 }],
    ['nvme', NVME, { intx: 1, msix: 65 }],
    ['e1000e', E1000E, { intx: 1, msi: 1, msix: 5 }],
  ])('of %s count once each for a software trigger, witnessed by the kernel', async (_, [vendor, id], expected) => {
    using device = openPciDevice(addressOf(vendor, id))
    const trace = new Trace()
    const witnesses = new Set<string>()
    trace.sink = { record: (op, by) => void (op === 'interrupts.wait' && witnesses.add(by)) }
    expect(await triggerEach(traceDevice(device, trace), 1000)).toEqual(expected)
    expect([...witnesses]).toEqual(['kernel'])
  })
})

describe('a ROM', () => {
  it('of e1000e begins with its signature, and cannot be written', async () => {
    using device = openPciDevice(addressOf(...E1000E))
    const rom = device.regions.find(({ kind }) => kind === 'rom')
    expect(rom).toMatchObject({ index: 6, mappable: false, mappableAreas: [] })
    expect(rom?.read16(0)).toBe(0xaa55)
    const data = rom?.read16(0x18) ?? 0
    expect([rom?.read8(data), rom?.read8(data + 1), rom?.read8(data + 2), rom?.read8(data + 3)]).toEqual(
      [...'PCIR'].map((letter) => letter.charCodeAt(0)),
    )
    expect(await failure(() => rom?.write16(0, 0))).toBe('access-violation')
  })

  it('is not listed where there is none', () => {
    using device = openPciDevice(addressOf(...TESTDEV))
    expect(device.regions.map(({ index, kind }) => [index, kind])).toEqual([
      [0, 'memory'],
      [1, 'io'],
    ])
  })
})

describe('I/O ports', () => {
  it('of pci-testdev hold the name of the test that was chosen', async () => {
    using device = openPciDevice(addressOf(...TESTDEV))
    device.config.write16(4, device.config.read16(4) | 1)
    const ports = region(device, 1)
    expect(ports.mappable).toBe(false)
    ports.write8(0, 0)
    const NAME = 16
    const letters = Array.from({ length: 6 }, (_, index) => String.fromCharCode(ports.read8(NAME + index)))
    expect(letters.join('')).toBe('portio')
    expect(await failure(() => ports.read8(ports.size))).toBe('region-outside')
    expect(await failure(() => ports.map(0, 4096, 0 as never))).toBe('region-unmappable')
  })
})

describe('a function that shares its slot', () => {
  const first =
    bound.find(({ address }) => existsSync(`/sys/bus/pci/devices/${address.replace(/0$/, '1')}`))?.address ?? ''
  const second = `/sys/bus/pci/devices/${first.replace(/0$/, '1')}`
  const name = second.slice(-12)

  afterEach(() => {
    if (existsSync(`${second}/driver`)) writeFileSync(`${second}/driver/unbind`, name)
  })

  it('has no reset while the other function is nobody’s', async () => {
    using device = openPciDevice(first)
    expect(device.resets).toBeUndefined()
    expect(await failure(() => device.reset())).toBe('capability-missing')
  })

  it('is reset together with the other one when both are ours', () => {
    writeFileSync(`${second}/driver_override`, 'vfio-pci')
    writeFileSync('/sys/bus/pci/drivers_probe', name)
    using device = openPciDevice(first)
    expect(device.resets).toEqual({ scope: 'bus', method: 'hot-reset' })
    device.config.write16(4, 6)
    device.reset()
    expect(device.config.read16(4) & 6).toBe(2)
    expect(region(device, 0).read32(0)).toBe(0x0100_00ed)
  })
})

function region(device: Device, index: number): Device['regions'][number] {
  const found = device.regions.find((one) => one.index === index)
  if (found === undefined) throw new Error(`no BAR ${index}`)
  return found
}
