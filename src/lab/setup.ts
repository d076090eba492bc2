import { ProbarError, codeOf } from '../base/errors.ts'
import { bootFiles, type BootFiles, type KernelChoice } from './boot-files.ts'
import { execute } from './execute.ts'
import type { LabHost } from './run.ts'
import {
  BOOT_TOOLS,
  findTools,
  installCommand,
  missingPackages,
  OWN_KERNEL_TOOLS,
  STOCK_KERNEL_TOOLS,
} from './tools.ts'

/**
 * Brings what the bench needs: Debian packages that are missing, then kernel and first root in their newest version.
 * @param choice the kernel to prepare
 * @param isRoot packages are installed by root only
 * @throws ProbarError permission-denied when packages are missing and the user may not install, lab-tool-missing
 *   without apt, lab-boot-failed with apt's complaint, cancelled
 */
export async function setUpLab(choice: KernelChoice, host: LabHost, isRoot: boolean): Promise<BootFiles> {
  const missing = await missingPackages([...BOOT_TOOLS, ...KERNEL_TOOLS[choice.kind]], host.env['PATH'])
  if (missing.length > 0) await install(missing, host, isRoot)
  try {
    return await newestBootFiles(choice, host)
  } catch (error) {
    // a fresh system image has no package lists
    if (codeOf(error) !== 'lab-tool-missing' || !isRoot) throw error
    await runApt(['update'], host)
    return newestBootFiles(choice, host)
  }
}

const KERNEL_TOOLS = { stock: STOCK_KERNEL_TOOLS, own: OWN_KERNEL_TOOLS, file: [] } as const

async function install(missing: readonly string[], host: LabHost, isRoot: boolean): Promise<void> {
  if (missing.includes('apt')) {
    throw new ProbarError('lab-tool-missing', `there is no apt here; install by hand: ${missing.join(', ')}`)
  }
  if (!isRoot) throw new ProbarError('permission-denied', `only root can install; as root: ${installCommand(missing)}`)
  await runApt(['update'], host)
  await runApt(['install', '-y', '--no-install-recommends', ...missing], host)
}

async function runApt(args: readonly string[], host: LabHost): Promise<void> {
  const { 'apt-get': apt } = await findTools(['apt-get'], host.env['PATH'])
  const env = { ...host.env, DEBIAN_FRONTEND: 'noninteractive' }
  // another apt may be at work, as at the start of a fresh machine
  const options = { env, signal: host.signal, progress: host.stderr }
  await execute(apt, ['-o', 'DPkg::Lock::Timeout=300', ...args], options)
}

async function newestBootFiles(choice: KernelChoice, host: LabHost): Promise<BootFiles> {
  const { busybox } = await findTools(BOOT_TOOLS, host.env['PATH'])
  return bootFiles({
    choice,
    iommu: 'intel',
    parts: host.parts,
    busybox,
    refresh: true,
    cache: { folder: host.cacheFolder, pid: host.pid },
    env: host.env,
    signal: host.signal,
    clock: host.clock,
    log: (text) => void host.stderr.write(`lab: ${text}\n`),
  })
}
