import { describe, expect, it } from '@jest/globals'
import { attach } from '../../../src/lab/qemu/attach.ts'
import { kernelCommandLine, qemuArguments, type GuestShape } from '../../../src/lab/qemu/arguments.ts'

const shape = (changes: Partial<GuestShape> = {}): GuestShape => ({
  kernel: '/k',
  initramfs: '/i',
  memoryMiB: 512,
  accelerator: 'tcg',
  iommu: 'intel',
  verbose: false,
  devices: [],
  share: '/share',
  out: '/out',
  ...changes,
})
const valuesOf = (args: readonly string[], flag: string): string[] =>
  args.flatMap((argument, index) => (args[index - 1] === flag ? [argument] : []))
const devicesOf = (changes: Partial<GuestShape>): string[] => valuesOf(qemuArguments(shape(changes)), '-device')

describe("QEMU's arguments", () => {
  it.each([
    ['intel', 'intel-iommu,intremap=on,caching-mode=on'],
    ['intel48', 'intel-iommu,intremap=on,caching-mode=on,aw-bits=48'],
    ['virtio', 'virtio-iommu-pci'],
  ] as const)('present the IOMMU %s as %s', (iommu, device) => {
    expect(devicesOf({ iommu })).toContain(device)
  })

  it('present no IOMMU when none is asked for', () => {
    expect(devicesOf({ iommu: 'none' }).filter((device) => device.includes('iommu'))).toEqual([])
  })

  it('give each device a root port of its own, declared before it, in the order of the buses', () => {
    const edu = { name: 'e', presentation: { device: 'edu' } }
    const order = devicesOf({ devices: attach([edu, edu], [], '/out') }).map((device) =>
      device.split(',').slice(0, 2).join(),
    )
    const at = (text: string): number => order.indexOf(text)
    expect(order).toContain('pcie-root-port,id=port1')
    expect(at('pcie-root-port,id=port2')).toBeGreaterThan(at('pcie-root-port,id=port1'))
    expect(at('edu,bus=port1')).toBeGreaterThan(at('pcie-root-port,id=port2'))
    expect(at('edu,bus=port2')).toBeGreaterThan(at('edu,bus=port1'))
  })

  it('put the root ports at rising slots of the first bus', () => {
    const devices = attach(
      [],
      Array.from({ length: 12 }, () => 'edu'),
      '/out',
    )
    const slots = devicesOf({ devices }).flatMap((device) => /^pcie-root-port.*addr=([^,]+)/.exec(device)?.[1] ?? [])
    const numbers = slots.map((slot) => Number.parseInt(slot, 16))
    expect(numbers).toEqual([...numbers].toSorted((one, other) => one - other))
    expect(new Set(numbers).size).toBe(12)
  })

  it("export the host's root read-only, and only that", () => {
    const folders = valuesOf(qemuArguments(shape()), '-fsdev')
    expect(folders.filter((folder) => folder.includes('readonly=on'))).toEqual([expect.stringContaining('path=/,')])
  })

  it('double the commas in the path of a folder', () => {
    expect(qemuArguments(shape({ out: '/a,b c' })).join('\n')).toContain('path=/a,,b c,')
  })

  it('use ports, which make the guest wait, never consoles, which drop bytes', () => {
    expect(devicesOf({}).filter((device) => device.startsWith('virtserialport'))).toHaveLength(3)
    expect(devicesOf({}).filter((device) => device.startsWith('virtconsole'))).toEqual([])
  })

  it('split the interrupt controller for KVM only, where interrupt remapping needs it', () => {
    const machine = (changes: Partial<GuestShape>): string[] => valuesOf(qemuArguments(shape(changes)), '-machine')
    expect(machine({ accelerator: 'kvm' })).toEqual(['q35,kernel-irqchip=split'])
    expect(machine({ accelerator: 'kvm', iommu: 'none' })).toEqual(['q35'])
    expect(machine({})).toEqual(['q35'])
  })

  it("switch the kernel's IOMMU on, strict, unless there is none", () => {
    expect(kernelCommandLine(shape())).toContain('intel_iommu=on iommu.strict=1')
    expect(kernelCommandLine(shape({ iommu: 'none' }))).not.toContain('intel_iommu=on')
  })
})
