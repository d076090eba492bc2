import { ProbarError, codeOf } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { deviceFindings } from '../../host/linux/doctor/checks/device.ts'
import { machineFindings } from '../../host/linux/doctor/checks/machine.ts'
import { readDeviceFacts } from '../../host/linux/doctor/device-facts.ts'
import { EVERY_WAY, type Finding, WITH_IOMMU, weigh } from '../../host/linux/doctor/finding.ts'
import { readMachineFacts } from '../../host/linux/doctor/machine-facts.ts'
import type { PciFunction } from '../../host/linux/pci-functions.ts'
import { SystemFiles } from '../../host/linux/system-files.ts'
import { loadNative } from '../../native/load.ts'
import { FRAMES } from '../frames.ts'
import { type DeviceReference, type PciBackend, parseReference } from '../reference.ts'
import { selectProfile } from '../select-profile.ts'

export interface DiagnoseOptions {
  /** A device reference; without it only the machine is looked at. */
  readonly device?: string | undefined
  /** A name from hw-profiles/ or a file, as for a run. */
  readonly profile?: string | undefined
  /** The run that is asked for waits for another one to let the device go: then that one is only a warning. */
  readonly waits?: boolean
  /** The variable SSH_CONNECTION: a session that is not to be cut. */
  readonly sshConnection?: string | undefined
  /** Stands before /proc, /sys and /dev; `/` unless told. */
  readonly root?: string
  /** `built`, or why the native addon is not in use; unless told, it is looked for. */
  readonly addon?: string
}

/** What stands between a machine, a device and a run. */
export interface Diagnosis {
  readonly ref?: string
  readonly machine: readonly Finding[]
  readonly device: readonly Finding[]
  /** Back ends that work; none when it is not ready. */
  readonly backends: readonly PciBackend[]
  /** No finding is bad. */
  readonly ready: boolean
}

/**
 * Looks at everything that a run needs, and changes nothing.
 * @throws ProbarError reference-unknown, device-absent, usage for a model
 */
export function diagnose(options: DiagnoseOptions = {}): Diagnosis {
  const { root = '/', sshConnection } = options
  const files = new SystemFiles(root)
  const reference = options.device === undefined ? undefined : pciReference(options.device)
  const facts = readMachineFacts(files)
  const addon = options.addon ?? loadNative().addonProblem ?? 'built'
  const machine = machineFindings(facts, { mappedBytes: FRAMES * PAGE_SIZE, addon })
  if (reference === undefined) return diagnosis(undefined, machine, [], WITH_IOMMU)
  const device = readDeviceFacts(files, reference.address, { root, sshConnection })
  const findings = [profileFinding(device.fn, options.profile), ...deviceFindings(device, facts.user, options.waits)]
  const asked = reference.backend === 'auto' ? WITH_IOMMU : [reference.backend]
  return diagnosis(reference.ref, machine, findings, asked)
}

function diagnosis(
  ref: string | undefined,
  machine: readonly Finding[],
  device: readonly Finding[],
  asked: readonly PciBackend[],
): Diagnosis {
  const { findings, ways } = weigh([...machine, ...device], asked)
  const checks = new Set(machine.map(({ check }) => check))
  return {
    ...(ref === undefined ? {} : { ref }),
    machine: findings.filter(({ check }) => checks.has(check)),
    device: findings.filter(({ check }) => !checks.has(check)),
    backends: ways,
    ready: ways.length > 0,
  }
}

function pciReference(text: string): Exclude<DeviceReference, { backend: 'loopback' }> {
  const reference = parseReference(text)
  if (reference.backend !== 'loopback') return reference
  throw new ProbarError('usage', `${reference.ref} is a model, which needs nothing of the machine; name a PCI address`)
}

function profileFinding(fn: PciFunction, asked: string | undefined): Finding {
  const base = {
    check: 'profile',
    title: 'Profile',
    why: 'It tells Probar what the device can do.',
    mend: [],
    ways: EVERY_WAY,
    short: 'no profile matches',
  }
  try {
    return { ...base, state: 'ok', found: selectProfile(asked, fn).name }
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return { ...base, state: 'bad', found: (error as ProbarError).message }
  }
}
