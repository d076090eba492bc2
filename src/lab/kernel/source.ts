import { access, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
import { execute } from '../execute.ts'
import type { Tools } from '../tools.ts'

/** The package with the source of the kernel that is built, and the release that has it beside Debian 12's own kernel. */
export const SOURCE_PACKAGE = 'linux-source-6.12'
const RELEASE = 'bookworm'
const ANY_MIRROR = 'http://deb.debian.org/debian'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** How programs are run. */
export interface Running {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal | undefined
}

type Apt = Pick<Tools<'apt-get' | 'apt-cache'>, 'apt-get' | 'apt-cache'>

/**
 * The release's backports, read through an apt configuration of our own: the machine's sources stay as they are.
 * Nothing is installed.
 */
export class Backports {
  readonly #folder: string
  readonly #tools: Apt
  readonly #running: Running

  /** @param folder a folder of its own for lists and packages */
  constructor(folder: string, tools: Apt, running: Running) {
    this.#folder = folder
    this.#tools = tools
    this.#running = running
  }

  /** Fetches the lists; to be called first. @throws ProbarError lab-boot-failed with apt's complaint, cancelled */
  async update(): Promise<void> {
    for (const folder of ['lists/partial', 'cache/archives/partial']) {
      await mkdir(join(this.#folder, folder), { recursive: true })
    }
    const targets = await this.#run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE)'], [])
    const signed = (await isThere(KEYRING)) ? `[signed-by=${KEYRING}] ` : ''
    const source = `deb ${signed}${mirrorOf(targets, RELEASE)} ${RELEASE}-backports main\n`
    await writeFile(join(this.#folder, 'sources.list'), source)
    await this.#run('apt-get', ['update'])
  }

  /** @throws ProbarError lab-boot-failed when the release has no such package */
  async version(name: string): Promise<string> {
    const shown = await this.#run('apt-cache', ['show', '--no-all-versions', name])
    const version = /^Version: (\S+)$/m.exec(shown)?.[1]
    if (version !== undefined) return version
    throw new ProbarError('lab-boot-failed', `${RELEASE}-backports has no ${name}: ${shown.slice(0, 200)}`)
  }

  /** Returns the package's file. */
  async download(name: string, version: string): Promise<string> {
    await this.#run('apt-get', ['download', `${name}=${version}`])
    const file = (await readdir(this.#folder)).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'))
    if (file === undefined) throw new ProbarError('lab-boot-failed', `apt-get brought no package ${name}`)
    return join(this.#folder, file)
  }

  async #run(tool: keyof Apt, args: readonly string[], own = this.#ownConfiguration()): Promise<string> {
    const output = await execute(this.#tools[tool], [...own, ...args], { ...this.#running, cwd: this.#folder })
    return output.toString()
  }

  #ownConfiguration(): readonly string[] {
    const settings = {
      'Dir::Etc::SourceList': join(this.#folder, 'sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::State::Lists': join(this.#folder, 'lists'),
      'Dir::Cache': join(this.#folder, 'cache'),
      // the folder may be one that apt's own user cannot enter
      'APT::Sandbox::User': 'root',
    }
    return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  }
}

/**
 * The mirror that the machine uses for the release already, or one that everybody may use.
 * @param targets lines of address and release
 */
export function mirrorOf(targets: string, release: string): string {
  const line = targets.split('\n').find((entry) => entry.endsWith(` ${release}`))
  return line?.slice(0, -release.length - 1).replace(/\/$/, '') ?? ANY_MIRROR
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
