/** A PCI function's address: domain, bus, device, function. */
const PATTERN = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/i

/** `0000:01:00.0` for `01:00.0` and the like, or undefined when it is no PCI address. */
export function canonicalPciAddress(text: string): string | undefined {
  const match = PATTERN.exec(text)
  if (match === null) return undefined
  const [, domain = '0000', bus, device, fn] = match
  // The kernel writes a domain with four digits, and with more only where it needs them.
  return `${domain.replace(/^0+(?=.{4})/, '')}:${bus}:${device}.${fn}`.toLowerCase()
}
