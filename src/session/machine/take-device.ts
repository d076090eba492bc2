import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
import type { MachinePlaces } from '../../host/linux/machine-use.ts'
import { readPciFunction } from '../../host/linux/pci-functions.ts'
import { checkIommufd } from '../../host/linux/vfio-nodes.ts'
import { isGuarded } from '../../host/linux/taking/group.ts'
import { BUS, machinePlaces } from '../../host/linux/taking/places.ts'
import { type Taken, takeGroup } from '../../host/linux/taking/take.ts'
import { type UnboundFunction, unbindGroup } from '../../host/linux/taking/unbind.ts'
import { type Native, loadNative } from '../../native/load.ts'
import { UNSAFE_MODE } from '../target/noiommu-target.ts'
import { type PciBackend, parseReference } from '../reference.ts'

export type { UnboundFunction }

/** How a device is taken, and who hears of it. */
export interface TakingOptions {
  /** For those who have to wait for this one, as in `probar run --suite dxgk`. */
  readonly purpose?: string
  /** Milliseconds to wait while another process has the device; not at all unless told. */
  readonly waitMs?: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal
  /** Hears, in a line each, whom it waits for and what was taken. */
  readonly notice?: (line: string) => void
  /** What the machine's own uses of devices are found by, beside what the kernel tells. */
  readonly machine?: MachinePlaces
  /** Native code to use instead of what is found. */
  readonly native?: Native
}

/** A function of the group, and the driver that it was taken from. */
export interface BoundFunction {
  readonly address: string
  /** `kept`: it was bound to vfio-pci before. */
  readonly state: 'bound' | 'kept'
  /** Absent for one that was kept; null for none. */
  readonly from?: string | null
}

/**
 * Takes a device and the rest of its IOMMU group from their drivers and leaves them bound to vfio-pci, until they are
 * unbound or the machine is booted. What they had before is written down. Needs root.
 * @param ref a PCI address, `vfio:…`
 * @throws ProbarError reference-unknown, device-absent, device-protected, device-busy, cancelled, permission-denied,
 *   module-missing, device-driver, journal-invalid; then everything is as before
 */
export async function bindDevice(ref: string, options: TakingOptions = {}): Promise<readonly BoundFunction[]> {
  const taken = await takeGroup(addressOf(ref), fillIn(options, `probar bind ${ref}`))
  await taken.leaveBound()
  const former = new Map(taken.from.map(({ address, driver }) => [address, driver]))
  return taken.functions.map((address) => {
    const from = former.get(address)
    return from === undefined ? { address, state: 'kept' } : { address, state: 'bound', from }
  })
}

/**
 * Gives a device and the rest of its IOMMU group back to the drivers that they had before `bindDevice`, or, where that is
 * not written down, to those that the kernel finds. Needs root.
 * @throws ProbarError as bindDevice; device-driver names what is not back
 */
export async function unbindDevice(ref: string, options: TakingOptions = {}): Promise<readonly UnboundFunction[]> {
  return unbindGroup(addressOf(ref), fillIn(options, `probar unbind ${ref}`))
}

/**
 * Takes a function for a session. What vfio-pci has already is only leased.
 * @returns undefined when the back end cannot have it whatever is done; looking for its target tells why
 * @throws ProbarError as bindDevice; iommu-unavailable, before anything is taken, where the kernel has no iommufd
 */
export async function takeForSession(
  address: string,
  backend: PciBackend | 'auto',
  options: TakingOptions,
): Promise<Taken | undefined> {
  if (!isWithinReach(address, backend)) return undefined
  if (backend === 'iommufd') checkIommufd(address)
  const taken = await takeGroup(address, fillIn(options, options.purpose ?? 'a session of Probar'))
  for (const { address: one, driver } of taken.from) {
    options.notice?.(`${one} taken from ${driver ?? 'no driver'}; it is given back at the end`)
  }
  return taken
}

/** noiommu is for functions that no IOMMU stands in front of, and needs a switch of the kernel; the others are for the rest. */
function isWithinReach(address: string, backend: PciBackend | 'auto'): boolean {
  const guarded = isGuarded(readPciFunction(address), join(BUS, 'devices'))
  if (backend !== 'noiommu') return guarded
  return !guarded && existsSync(UNSAFE_MODE) && readFileSync(UNSAFE_MODE, 'utf8').trim() === 'Y'
}

function fillIn(
  { native = loadNative(), waitMs, signal, notice, machine, purpose: told }: TakingOptions,
  purpose: string,
) {
  const onWait = (heldBy: string): void => notice?.(`waiting for ${heldBy} to let the device go`)
  return { locks: native.locks, purpose: told ?? purpose, waitMs, signal, onWait, places: machinePlaces(machine) }
}

/** @throws ProbarError reference-unknown, usage */
function addressOf(ref: string): string {
  const reference = parseReference(ref)
  if (reference.backend !== 'loopback') return reference.address
  throw new ProbarError(
    'usage',
    `'${ref}' is a model and has no driver; give a PCI address, 'probar devices' lists them`,
  )
}
