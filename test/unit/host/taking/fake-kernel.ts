import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { driverOf } from '../../../../src/host/linux/taking/binding.ts'

/**
 * What the kernel does when a file of its PCI bus is written (kernel: drivers/base/bus.c, drivers/pci/pci-driver.c), over
 * plain folders, so that several processes see the same machine. A function is matched by the drivers in its file
 * `knows`, the first that is loaded wins; a driver is loaded when it has a folder.
 */
export function fakeKernel(bus: string): (path: string, text: string) => void {
  return (path, text) => {
    const place = path.slice(bus.length + 1)
    const word = text.trim()
    const override = /^devices\/([^/]+)\/driver_override$/.exec(place)
    if (override !== null) return setOverride(bus, override[1] ?? '', word)
    if (place === 'drivers_probe') return probe(bus, word)
    if (/^devices\/[^/]+\/driver\/unbind$/.test(place)) return unbind(bus, word)
    const bind = /^drivers\/([^/]+)\/bind$/.exec(place)
    if (bind !== null) return bindExactly(bus, bind[1] ?? '', word)
    throw systemError('ENOENT', path)
  }
}

/** As Node throws it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, errno: -1 })
}

export function loadDriver(bus: string, name: string): void {
  mkdirSync(join(bus, 'drivers', name), { recursive: true })
}

/** What `driver_override` reads as. */
export const overrideOf = (bus: string, address: string): string =>
  readFileSync(join(bus, 'devices', address, 'driver_override'), 'utf8').trim()

function setOverride(bus: string, address: string, word: string): void {
  if (!existsSync(join(bus, 'devices', address))) throw systemError('ENOENT', address)
  const file = join(bus, 'devices', address, 'driver_override')
  // In one step, as the kernel does it, whatever becomes of this process.
  writeFileSync(`${file}.${process.pid}`, `${word === '' ? '(null)' : word}\n`)
  renameSync(`${file}.${process.pid}`, file)
}

function unbind(bus: string, address: string): void {
  if (driverOf(address, bus) === null) throw systemError('ENODEV', address)
  unlinkSync(join(bus, 'devices', address, 'driver'))
}

function probe(bus: string, address: string): void {
  if (!existsSync(join(bus, 'devices', address))) throw systemError('ENODEV', address)
  if (driverOf(address, bus) !== null) return
  const found = allowed(bus, address).find((name) => existsSync(join(bus, 'drivers', name)))
  if (found !== undefined) attach(bus, address, found)
}

function bindExactly(bus: string, driver: string, address: string): void {
  if (!existsSync(join(bus, 'drivers', driver))) throw systemError('ENOENT', driver)
  if (driverOf(address, bus) !== null) throw systemError('EBUSY', address)
  if (!allowed(bus, address).includes(driver)) throw systemError('ENODEV', address)
  attach(bus, address, driver)
}

/** An override replaces what is known by ids. */
function allowed(bus: string, address: string): readonly string[] {
  const override = overrideOf(bus, address)
  if (override !== '(null)') return [override]
  return readFileSync(join(bus, 'devices', address, 'knows'), 'utf8')
    .split(' ')
    .filter(Boolean)
}

function attach(bus: string, address: string, driver: string): void {
  symlinkSync(`../../drivers/${driver}`, join(bus, 'devices', address, 'driver'))
}

/** Pulls a function out of its slot. */
export function unplug(bus: string, address: string): void {
  rmSync(join(bus, 'devices', address), { recursive: true })
}
