import { ProbarError } from '../base/errors.ts'
import { canonicalPciAddress } from '../pci/address.ts'

export const BACKENDS = ['auto', 'loopback', 'vfio'] as const
export type BackendName = (typeof BACKENDS)[number]

/** A device reference, resolved to the back end that opens it. */
export type DeviceReference =
  | { readonly backend: 'loopback'; readonly ref: string }
  | { readonly backend: 'vfio'; readonly ref: string; readonly address: string }

const HOW =
  "use 'loopback:edu', 'vfio:0000:03:00.0' or a PCI address such as '0000:03:00.0'; 'probar devices' lists them"

/**
 * @param text `loopback:edu`, `vfio:0000:03:00.0`, or a bare PCI address, which the back end `auto` takes through vfio
 * @throws ProbarError reference-unknown, or usage when reference and back end contradict each other
 */
export function parseReference(text: string, backend: BackendName = 'auto'): DeviceReference {
  const reference = resolve(text)
  if (backend !== 'auto' && backend !== reference.backend) {
    throw new ProbarError('usage', `'${text}' is a device of the back end ${reference.backend}, not of ${backend}`)
  }
  return reference
}

function resolve(text: string): DeviceReference {
  if (text.startsWith('loopback:')) return { backend: 'loopback', ref: text }
  const address = canonicalPciAddress(text.startsWith('vfio:') ? text.slice('vfio:'.length) : text)
  if (address === undefined) throw new ProbarError('reference-unknown', `'${text}' names no device: ${HOW}`)
  return { backend: 'vfio', ref: `vfio:${address}`, address }
}
