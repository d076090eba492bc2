import { quote } from './attach.ts'
import type { AttachedDevice } from '../presentation.ts'

export const IOMMUS = ['intel', 'intel48', 'virtio', 'none'] as const
export type Iommu = (typeof IOMMUS)[number]

export const ACCELERATORS = ['tcg', 'kvm'] as const
export type Accelerator = (typeof ACCELERATORS)[number]

/** The descriptors that QEMU inherits, each one end of a socket pair: there is no socket file to leave behind. */
export const DESCRIPTORS = { monitor: 3, serial: 4, stdout: 5, stderr: 6, channel: 7 } as const

export interface GuestShape {
  readonly kernel: string
  readonly initramfs: string
  readonly memoryMiB: number
  readonly accelerator: Accelerator
  readonly iommu: Iommu
  /** The kernel's messages go to the serial line from the start. */
  readonly verbose: boolean
  readonly devices: readonly AttachedDevice[]
  /** Folder by which host and guest hand each other settings and status. */
  readonly share: string
  /** Folder that COMMAND sees as `$PROBAR_OUT`. */
  readonly out: string
}

type Option = readonly [flag: string, value?: string]

/** QEMU's arguments for one guest. */
export function qemuArguments(shape: GuestShape): string[] {
  const { kernel, initramfs, iommu, devices, share, out } = shape
  const options: readonly Option[] = [
    ...machine(shape),
    ['-kernel', kernel],
    ['-initrd', initramfs],
    ['-append', kernelCommandLine(shape)],
    ...Object.entries(DESCRIPTORS).map(([id, fd]) => ['-chardev', `socket,id=${id},fd=${fd}`] as const),
    ['-mon', 'chardev=monitor,mode=control'],
    ['-serial', 'chardev:serial'],
    ...iommuDevice(iommu),
    ...rootPorts(devices),
    ...serialPorts(),
    ...folder('root', '/', 'readonly=on,multidevs=remap'),
    ...folder('share', share, 'multidevs=remap'),
    ...folder('out', out, 'multidevs=remap'),
    ['-device', 'virtio-rng-pci'],
    ...devices.flatMap((device): Option[] => [['-device', device.argument], ...device.further]),
  ]
  return options.flatMap((option) => option.filter((text) => text !== undefined))
}

function machine({ accelerator, memoryMiB, iommu }: GuestShape): Option[] {
  // interrupt remapping needs the I/O APIC in QEMU when KVM does the rest
  const split = accelerator === 'kvm' && iommu.startsWith('intel') ? ',kernel-irqchip=split' : ''
  return [
    ['-machine', `q35${split}`],
    ['-accel', accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm'],
    ['-cpu', accelerator === 'tcg' ? 'max' : 'host'],
    ['-smp', '2'],
    ['-m', String(memoryMiB)],
    ['-nodefaults'],
    ['-no-user-config'],
    ['-display', 'none'],
    ['-no-reboot'],
    // unplugging goes by the port's own registers, for which each kernel of the bench has a driver, not by ACPI
    ['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
  ]
}

export function kernelCommandLine({ iommu, verbose }: Pick<GuestShape, 'iommu' | 'verbose'>): string {
  return [
    'console=ttyS0',
    // warnings and worse are what the tail of the serial log is for; all messages cost half a second
    verbose ? 'loglevel=7' : 'loglevel=5',
    'panic=-1 random.trust_cpu=on tsc=reliable mitigations=off',
    // the own kernel is too small to be granted the ports' services (hot plug, errors) by the firmware
    'pcie_ports=native',
    // where the host is busy, no timer interrupt comes in the moment in which the kernel looks for one, and it gives up
    'no_timer_check',
    // collapsing pages makes one processor wait for the other, and an emulated one was seen to be waited for in vain
    'transparent_hugepage=madvise',
    iommu === 'none' ? 'intel_iommu=off' : 'intel_iommu=on iommu.strict=1',
  ].join(' ')
}

function iommuDevice(iommu: Iommu): Option[] {
  switch (iommu) {
    case 'intel':
      return [['-device', 'intel-iommu,intremap=on,caching-mode=on']]
    case 'intel48':
      return [['-device', 'intel-iommu,intremap=on,caching-mode=on,aw-bits=48']]
    case 'virtio':
      return [['-device', 'virtio-iommu-pci']]
    case 'none':
      return []
  }
}

/**
 * Bus numbers follow the slots of bus 0, so the first port's bus is 01. Behind a port of its own each device has its
 * own IOMMU group.
 */
function rootPorts(devices: readonly AttachedDevice[]): Option[] {
  const ports = devices.flatMap(({ port }) => port ?? [])
  return ports.map((port, index) => {
    const place = `addr=${(index + 2).toString(16)},chassis=${index + 1},slot=${index + 1}`
    return ['-device', `pcie-root-port,id=${port},bus=pcie.0,${place}`]
  })
}

/** Ports, not consoles: a virtconsole drops bytes when the host is slow to read, a port makes the guest wait. */
function serialPorts(): Option[] {
  const port = (name: string): Option => ['-device', `virtserialport,bus=ports.0,chardev=${name},name=lab.${name}`]
  return [['-device', 'virtio-serial-pci,id=ports'], port('stdout'), port('stderr'), port('channel')]
}

function folder(tag: string, path: string, options: string): Option[] {
  return [
    ['-fsdev', `local,id=${tag},path=${quote(path)},security_model=none,${options}`],
    ['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ]
}
