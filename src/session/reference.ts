import { ProbarError } from '../base/errors.ts'
import { canonicalPciAddress } from '../pci/address.ts'

/** Back ends that reach a PCI function of this machine. */
export const PCI_BACKENDS = ['vfio', 'iommufd', 'noiommu'] as const
export type PciBackend = (typeof PCI_BACKENDS)[number]

export const BACKENDS = ['auto', 'loopback', ...PCI_BACKENDS] as const
export type BackendName = (typeof BACKENDS)[number]

/** A device reference. For `auto` the machine decides which back end opens the function. */
export type DeviceReference =
  | { readonly backend: 'loopback'; readonly ref: string }
  | { readonly backend: PciBackend | 'auto'; readonly ref: string; readonly address: string }

const HOW =
  "use 'loopback:edu', 'loopback:sg', 'vfio:0000:03:00.0' or a PCI address such as '0000:03:00.0'; 'probar devices' lists them"

/**
 * @param text `loopback:edu`, a back end with a PCI address as in `vfio:0000:03:00.0`, or a bare PCI address
 * @throws ProbarError reference-unknown, or usage when reference and back end contradict each other
 */
export function parseReference(text: string, backend: BackendName = 'auto'): DeviceReference {
  const reference = resolve(text)
  if (backend === 'auto' || backend === reference.backend) return reference
  if (reference.backend === 'auto' && backend !== 'loopback') return through(backend, reference.address)
  const own = reference.backend === 'auto' ? 'a PCI function' : `a device of the back end ${reference.backend}`
  throw new ProbarError('usage', `'${text}' is ${own}, not of ${backend}`)
}

function resolve(text: string): DeviceReference {
  if (text.startsWith('loopback:')) return { backend: 'loopback', ref: text }
  const backend = PCI_BACKENDS.find((name) => text.startsWith(`${name}:`))
  const address = canonicalPciAddress(backend === undefined ? text : text.slice(backend.length + 1))
  if (address === undefined) throw new ProbarError('reference-unknown', `'${text}' names no device: ${HOW}`)
  return backend === undefined ? { backend: 'auto', ref: address, address } : through(backend, address)
}

function through(backend: PciBackend, address: string): DeviceReference {
  return { backend, ref: `${backend}:${address}`, address }
}
