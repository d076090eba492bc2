import { accessSync, constants, existsSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { OsError, ProbarError } from '../../../base/errors.ts'
import { systemErrorCode } from '../../../base/system-error.ts'
import type { TakingPlaces } from './places.ts'

/** The driver of the kernel that hands a function to a program. */
export const DRIVER = 'vfio-pci'

type Bus = Pick<TakingPlaces, 'bus' | 'write'>

/** What a function had before it was taken. */
export interface FormerBinding {
  readonly address: string
  /** null for none. */
  readonly driver: string | null
  /** The one driver that it was allowed to have; null for any. */
  readonly override: string | null
}

/** @throws ProbarError device-absent */
export function bindingOf(address: string, { bus }: Bus): FormerBinding {
  const folder = join(bus, 'devices', address)
  if (!existsSync(folder)) throw vanished(address)
  return { address, driver: driverOf(address, bus), override: overrideOf(folder) }
}

/**
 * Gives a function to vfio-pci. A kernel before 3.16 has no driver_override.
 * @throws ProbarError permission-denied, device-absent, device-driver when vfio-pci does not take it
 */
export function bindToVfio(address: string, places: Bus): void {
  allowOnly(DRIVER, address, places)
  const driver = driverOf(address, places.bus)
  if (driver === DRIVER) return
  if (driver !== null) unbind(address, places)
  probe(address, places)
  const now = driverOf(address, places.bus)
  if (now === DRIVER) return
  const found = now === null ? 'it has no driver now' : `${now} has it`
  throw new ProbarError(
    'device-driver',
    `${DRIVER} did not take ${address}, ${found}: the kernel's log says why ('dmesg | tail'); without an IOMMU there is ` +
      '--backend noiommu, which protects nothing',
  )
}

/**
 * Puts a function back to what it had: first what may have it, then who has it. May be repeated after it was broken off.
 * @returns `gone` when there is no such function any more; then nothing of it is left to be put back
 * @throws ProbarError permission-denied, device-driver when its former driver does not have it after all
 */
export function putBack(former: FormerBinding, places: Bus): 'back' | 'gone' {
  const { address, driver, override } = former
  const { bus } = places
  if (!existsSync(join(bus, 'devices', address))) return 'gone'
  allowOnly(override, address, places)
  const now = driverOf(address, bus)
  if (now === driver) return 'back'
  if (now !== null) unbind(address, places)
  if (driver === null) return 'back'
  probe(address, places)
  // Where several drivers know the device, the kernel takes the one that came first.
  if (driverOf(address, bus) !== driver) bindExactly(driver, address, places)
  return 'back'
}

/** Takes a function of which nobody knows what it had from vfio-pci, and lets the kernel find a driver. */
export function release(address: string, places: Bus): void {
  allowOnly(null, address, places)
  unbind(address, places)
  probe(address, places)
}

export function driverOf(address: string, bus: string): string | null {
  try {
    return basename(readlinkSync(join(bus, 'devices', address, 'driver')))
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** @throws ProbarError permission-denied, with what else there is to do than to be root */
export function checkMayBind({ address, driver }: FormerBinding, { bus }: Bus, otherwise = ''): void {
  const path = join(bus, 'devices', address, 'driver_override')
  try {
    accessSync(path, constants.W_OK)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw vanished(address)
    const now = driver === null ? 'has no driver' : `is bound to ${driver}`
    const message = `${address} ${now}, and only root may change that: run as root${otherwise}`
    throw new OsError('permission-denied', message, 13, 'access', { cause: error })
  }
}

function overrideOf(folder: string): string | null {
  try {
    const text = readFileSync(join(folder, 'driver_override'), 'utf8').trim()
    return text === '(null)' || text === '' ? null : text
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** A line break alone takes the limit away. */
function allowOnly(driver: string | null, address: string, places: Bus): void {
  attribute(join(places.bus, 'devices', address, 'driver_override'), driver ?? '', address, places)
}

function unbind(address: string, places: Bus): void {
  attribute(join(places.bus, 'devices', address, 'driver', 'unbind'), address, address, places)
}

function probe(address: string, places: Bus): void {
  attribute(join(places.bus, 'drivers_probe'), address, address, places)
}

function bindExactly(driver: string, address: string, places: Bus): void {
  const wrong = driverOf(address, places.bus)
  if (wrong !== null) unbind(address, places)
  const path = join(places.bus, 'drivers', driver, 'bind')
  let cause: unknown
  try {
    places.write(path, `${address}\n`)
  } catch (error) {
    cause = error
  }
  if (driverOf(address, places.bus) === driver) return
  const why = cause === undefined ? 'it did not take it' : reasonOf(cause)
  const mend = `load its module ('modprobe ${driver}') if it is not there, then: echo ${address} > ${path}`
  throw new ProbarError('device-driver', `${address} is not back with its driver ${driver} (${why}): ${mend}`, {
    cause,
  })
}

/** @throws ProbarError permission-denied, device-absent, os-error */
function attribute(path: string, text: string, address: string, places: Bus): void {
  try {
    places.write(path, `${text}\n`)
  } catch (error) {
    const code = systemErrorCode(error)
    if ((code === 'ENOENT' || code === 'ENODEV') && !existsSync(join(places.bus, 'devices', address))) {
      throw vanished(address, error)
    }
    const denied = code === 'EACCES' || code === 'EPERM'
    const mend = denied ? 'run as root' : "the kernel's log may say more ('dmesg | tail')"
    const message = `'${text}' could not be written to ${path} (${reasonOf(error)}): ${mend}`
    throw new OsError(denied ? 'permission-denied' : 'os-error', message, errnoOf(error), 'write', { cause: error })
  }
}

function vanished(address: string, cause?: unknown): ProbarError {
  return new ProbarError('device-absent', `${address} has vanished; 'probar devices' lists what there is`, { cause })
}

function errnoOf(error: unknown): number {
  return typeof error === 'object' && error !== null && 'errno' in error ? Math.abs(Number(error.errno)) : 0
}

function reasonOf(error: unknown): string {
  const text = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
  return systemErrorCode(error) ?? text
}
