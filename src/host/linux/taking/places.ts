import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { type MachinePlaces, refuseMachineUse } from '../machine-use.ts'

/** Where devices are taken, and where it is written down; tests have folders of their own. */
export interface TakingPlaces {
  /** The kernel's folder of the bus: `devices/ADDRESS`, `drivers/NAME`, `drivers_probe`. */
  readonly bus: string
  /** One file for each group, locked by whoever has it. */
  readonly leases: string
  /** Folders for journals; the first that can be written is used, all are read. */
  readonly journals: readonly string[]
  /** A text that changes with every boot (kernel: Documentation/admin-guide/sysctl/kernel.rst, random). */
  readonly bootIdFile: string
  /** A folder a process, as /proc. */
  readonly processes: string
  /** Writes to a file of sysfs, in one call. Throws as Node does. */
  readonly write: (path: string, text: string) => void
  /** Loads a kernel module. Throws the reason, in words. */
  readonly loadModule: (name: string) => void
  /** Throws device-protected for what the machine lives on. */
  readonly refuseUse: (addresses: readonly string[]) => void
  /** Module with the guardian's `putBackAfterDeath`; the real one unless told. */
  readonly guardianModule?: string
  readonly now: () => Date
}

export const BUS = '/sys/bus/pci'
const BOOT_ID = '/proc/sys/kernel/random/boot_id'
const LEASES = '/run/probar'

/** This machine. The second folder is for systems whose /var cannot be written; a reboot empties it, and undoes all binding too. */
export function machinePlaces(machine: MachinePlaces = {}): TakingPlaces {
  return {
    bus: BUS,
    leases: LEASES,
    journals: ['/var/lib/probar', LEASES],
    bootIdFile: BOOT_ID,
    processes: '/proc',
    write: writeAttribute,
    loadModule,
    refuseUse: (addresses) => refuseMachineUse(addresses, machine),
    now: () => new Date(),
  }
}

/** Write-only files of sysfs cannot be opened for reading, and a file that is not there must not be made. */
export function writeAttribute(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY)
  try {
    writeSync(file, text)
  } finally {
    closeSync(file)
  }
}

/** A login shell of a plain user may lack the folders of modprobe. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

function loadModule(name: string): void {
  const { status, stderr, error } = spawnSync('modprobe', [name], { env: { PATH }, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(stderr.trim() || `modprobe ended with ${status}`)
}
