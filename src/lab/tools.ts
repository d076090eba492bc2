import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { ProbarError } from '../base/errors.ts'

/** The programs and headers that the bench needs, and the Debian package of each. */
const PACKAGES = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  xz: 'xz-utils',
  setpriv: 'util-linux',
  'apt-get': 'apt',
  'apt-cache': 'apt',
  'dpkg-deb': 'dpkg',
  tar: 'tar',
  make: 'make',
  gcc: 'gcc',
  strip: 'binutils',
  flex: 'flex',
  bison: 'bison',
  bc: 'bc',
  'gelf.h': 'libelf-dev',
} as const
export type Tool = keyof typeof PACKAGES

/** What every boot needs, and what the stock kernel's preparation needs besides. */
export const BOOT_TOOLS = ['qemu-system-x86_64', 'busybox', 'setpriv'] as const satisfies readonly Tool[]
export const STOCK_KERNEL_TOOLS = ['xz', 'apt-get', 'apt-cache', 'dpkg-deb'] as const satisfies readonly Tool[]
/** What building a kernel needs besides what every boot does. */
export const OWN_KERNEL_TOOLS = [
  'apt-get',
  'apt-cache',
  'dpkg-deb',
  'tar',
  'xz',
  'make',
  'gcc',
  'strip',
  'flex',
  'bison',
  'bc',
  'gelf.h',
] as const satisfies readonly Tool[]

export type Tools<T extends Tool> = Readonly<Record<T, string>>

/**
 * Where the programs are.
 * @param path folders as in PATH; /usr/sbin and /sbin are not searched unless it names them
 * @throws ProbarError lab-tool-missing naming all that are absent and the command that brings them
 */
export async function findTools<T extends Tool>(names: readonly T[], path: string | undefined): Promise<Tools<T>> {
  const found = await Promise.all(names.map(async (name) => [name, await find(name, path ?? '')] as const))
  const missing = found.flatMap(([name, file]) => (file === undefined ? [name] : []))
  if (missing.length > 0) throw new ProbarError('lab-tool-missing', missingText(missing))
  return Object.fromEntries(found) as Tools<T>
}

/** The Debian packages of the programs that are absent. */
export async function missingPackages(names: readonly Tool[], path: string | undefined): Promise<string[]> {
  const found = await Promise.all(names.map((name) => find(name, path ?? '')))
  const packages = names.filter((_, index) => found[index] === undefined).map((name) => PACKAGES[name])
  return [...new Set(packages)].toSorted()
}

/** The command that installs packages, as a user would type it. */
export const installCommand = (packages: readonly string[]): string =>
  `apt-get install -y --no-install-recommends ${packages.join(' ')}`

function missingText(missing: readonly Tool[]): string {
  const packages = [...new Set(missing.map((name) => PACKAGES[name]))].toSorted()
  return (
    `not found: ${missing.join(', ')}. The virtual bench needs them; on Debian, as root: ` +
    `${installCommand(packages)} (or: probar lab setup)`
  )
}

const HEADERS = '/usr/include'

async function find(name: string, path: string): Promise<string | undefined> {
  const header = name.endsWith('.h')
  for (const folder of (header ? HEADERS : path).split(delimiter).filter((entry) => entry !== '')) {
    const file = join(folder, name)
    try {
      await access(file, header ? constants.R_OK : constants.X_OK)
      return file
    } catch {
      // not in this folder: the next one
    }
  }
  return undefined
}
