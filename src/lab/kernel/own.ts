import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { ProbarError, codeOf } from '../../base/errors.ts'
import { execute } from '../execute.ts'
import type { OWN_KERNEL_TOOLS, Tools } from '../tools.ts'
import { BuildLog } from './build-log.ts'
import { type Cache, newest, prepared } from './cache.ts'
import { checkTaken } from './kernel-config.ts'
import { Backports, type Running, SOURCE_PACKAGE } from './source.ts'

export interface OwnKernelRequest extends Running {
  readonly cache: Cache
  readonly clock: Clock
  /** lab/kernel/own.config */
  readonly config: string
  /** Found only when something has to be built, so that a cached kernel boots without them. */
  tools(): Promise<Tools<(typeof OWN_KERNEL_TOOLS)[number]>>
  /** Looks for a newer source even if a kernel is cached. */
  readonly refresh?: boolean
  /** Says what takes long, and how far it is. */
  log(text: string): void
}

/**
 * The bench's own kernel, an uncompressed ELF file with everything built in: built from Debian's source unless the
 * cache has it for this configuration. It takes minutes; interrupted, it leaves nothing behind.
 * @returns the kernel's path
 * @throws ProbarError lab-tool-missing, lab-boot-failed with the end of the build's log, cancelled
 */
export async function ownKernel(request: OwnKernelRequest): Promise<string> {
  const prefix = `own-${createHash('sha256').update(request.config).digest('hex').slice(0, 12)}-`
  const cached = request.refresh === true ? undefined : await newest(request.cache, prefix)
  return join(cached ?? (await prepareOwn(request, prefix)), 'vmlinux')
}

async function prepareOwn(request: OwnKernelRequest, prefix: string): Promise<string> {
  const tools = await request.tools()
  const { cache } = request
  await mkdir(cache.folder, { recursive: true })
  const apt = join(cache.folder, `.making-${cache.pid}-apt-${prefix}`)
  try {
    await mkdir(apt, { recursive: true })
    const backports = new Backports(apt, tools, request)
    await backports.update()
    const version = await backports.version(SOURCE_PACKAGE)
    const name = `${prefix}${version.replaceAll(/[^\w.+-]/g, '_')}`
    return await prepared(cache, name, async (folder) => {
      request.log(`downloading the source of Linux ${version} (about 150 MB, once)`)
      const source = await unpack(request, tools, await backports.download(SOURCE_PACKAGE, version), folder)
      await build(request, tools, source, join(folder, 'vmlinux'))
      await rm(source, { recursive: true })
    })
  } finally {
    await rm(apt, { recursive: true, force: true })
  }
}

type OwnTools = Tools<(typeof OWN_KERNEL_TOOLS)[number]>

/** The package holds one compressed archive. @returns the folder with the kernel's Makefile */
async function unpack(request: OwnKernelRequest, tools: OwnTools, archive: string, folder: string): Promise<string> {
  const { env, signal } = request
  const [unpacked, source] = [join(folder, 'package'), join(folder, 'source')]
  await execute(tools['dpkg-deb'], ['-x', archive, unpacked], { env, signal })
  await rm(archive)
  await mkdir(source)
  const tar = join(unpacked, 'usr/src', `${SOURCE_PACKAGE}.tar.xz`)
  await execute(tools.tar, ['-xJf', tar, '-C', source, '--strip-components=1'], { env, signal })
  await rm(unpacked, { recursive: true })
  if ((await readdir(source)).includes('Makefile')) return source
  throw new ProbarError('lab-boot-failed', `${SOURCE_PACKAGE} holds no Makefile at its top`)
}

/** What the kernel's configuration starts from; all else is off. */
const FRAGMENT = 'probar.config'

/** Configures and builds; the log is kept beside the cache's folders only when that fails. */
async function build(request: OwnKernelRequest, tools: OwnTools, source: string, to: string): Promise<void> {
  const { cache, clock, signal } = request
  const jobs = availableParallelism()
  request.log(`building the bench's own kernel with ${jobs} jobs; this takes minutes (7 to 8 on two cores), once`)
  const log = new BuildLog(join(cache.folder, `own-kernel-${cache.pid}.log`), clock, (text) => request.log(text))
  const make = (...args: readonly string[]): Promise<unknown> =>
    execute(tools.make, ['ARCH=x86_64', ...args], {
      env: buildEnvironment(request.env),
      signal,
      cwd: source,
      progress: log,
    })
  try {
    await writeFile(join(source, FRAGMENT), request.config)
    await make(`KCONFIG_ALLCONFIG=${FRAGMENT}`, 'allnoconfig')
    checkTaken(request.config, await readFile(join(source, '.config'), 'utf8'))
    await make(`-j${jobs}`, 'vmlinux')
    // without the tables for debuggers: the kernel names functions in its messages by tables of its own
    await execute(tools.strip, ['--strip-debug', '-o', to, join(source, 'vmlinux')], { env: request.env, signal })
  } catch (error) {
    await ended(log)
    throw await failureOf(error, log)
  }
  await ended(log)
  await rm(log.path, { force: true })
}

/** Who builds where and when is not to be found in the kernel, and an outer make is not to be taken for its own. */
function buildEnvironment(env: Running['env']): Running['env'] {
  const named = { KBUILD_BUILD_USER: 'probar', KBUILD_BUILD_HOST: 'bench', KBUILD_BUILD_TIMESTAMP: '@0' }
  return { ...env, ...named, MAKEFLAGS: undefined, MAKELEVEL: undefined, LC_ALL: 'C' }
}

async function failureOf(error: unknown, log: BuildLog): Promise<unknown> {
  if (codeOf(error) === 'cancelled') {
    await rm(log.path, { force: true })
    return error
  }
  const why = error instanceof ProbarError && log.tail === '' ? error.message : 'the kernel was not built'
  const text = `${why}; all of the log is in ${log.path}, its end:\n${log.tail}`
  return new ProbarError('lab-boot-failed', text, { cause: error })
}

function ended(log: BuildLog): Promise<void> {
  return new Promise((resolve) => log.end(resolve))
}
