import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ProbarError } from '../../base/errors.ts'
import { execute } from '../execute.ts'
import type { STOCK_KERNEL_TOOLS, Tools } from '../tools.ts'
import { newest, prepared, type Cache } from './cache.ts'
import { payloadOf } from './image.ts'
import { loadOrder, moduleName, type LoadableModule, type ModuleSource } from './modules.ts'

/** The package that always depends on Debian's current kernel. The cloud flavour would not do: it has no 9p. */
const META_PACKAGE = 'linux-image-amd64'

export interface StockKernelRequest {
  readonly cache: Cache
  readonly modules: readonly string[]
  /** Found only when something has to be prepared, so that a cached kernel boots without them. */
  tools(): Promise<Tools<(typeof STOCK_KERNEL_TOOLS)[number]>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal | undefined
  /** Looks for a newer kernel even if one is cached. */
  readonly refresh?: boolean
  /** Says what takes long. */
  log(text: string): void
}

export interface PreparedKernel {
  /** An uncompressed ELF kernel, which QEMU boots by PVH. */
  readonly kernel: string
  readonly modules: readonly LoadableModule[]
  /** The kernel's configuration as Debian ships it. */
  readonly config: string
}

/**
 * Debian's kernel for the guest, without installing it: the package is downloaded, unpacked, and what the bench
 * needs of it is kept in the cache.
 * @throws ProbarError lab-tool-missing, lab-boot-failed, cancelled
 */
export async function stockKernel(request: StockKernelRequest): Promise<PreparedKernel> {
  const prefix = `stock-${createHash('sha256').update(request.modules.join('\n')).digest('hex').slice(0, 12)}-`
  const cached = request.refresh === true ? undefined : await newest(request.cache, prefix)
  return readPrepared(cached ?? (await prepareStock(request, prefix)))
}

async function readPrepared(folder: string): Promise<PreparedKernel> {
  const order = (await readFile(join(folder, 'modules/order'), 'utf8')).split('\n').filter((name) => name !== '')
  return {
    kernel: join(folder, 'vmlinux'),
    modules: await Promise.all(
      order.map(async (name) => ({ name, bytes: await readFile(join(folder, 'modules', `${name}.ko`)) })),
    ),
    config: await readFile(join(folder, 'config'), 'utf8'),
  }
}

async function prepareStock(request: StockKernelRequest, prefix: string): Promise<string> {
  const tools = await request.tools()
  const { env, signal } = request
  const shown = await execute(tools['apt-cache'], ['show', '--no-all-versions', META_PACKAGE], { env, signal }).catch(
    (cause: unknown) => {
      throw new ProbarError('lab-tool-missing', `apt knows no ${META_PACKAGE}; as root: apt-get update`, { cause })
    },
  )
  const { name, version } = kernelPackage(shown.toString())
  return prepared(request.cache, `${prefix}${name}_${version.replaceAll(/[^\w.+-]/g, '_')}`, async (folder) => {
    request.log(`preparing Debian's kernel ${name} ${version} (downloads about 70 MB, once)`)
    const download = ['-o', 'APT::Sandbox::User=root', 'download', `${name}=${version}`]
    await execute(tools['apt-get'], download, { env, signal, cwd: folder })
    const [archive] = (await readdir(folder)).filter((file) => file.endsWith('.deb'))
    if (archive === undefined) throw new ProbarError('lab-boot-failed', `apt-get brought no package ${name}`)
    const unpacked = join(folder, 'unpacked')
    await execute(tools['dpkg-deb'], ['-x', join(folder, archive), unpacked], { env, signal })
    await keep(request, tools.xz, unpacked, folder)
    await rm(unpacked, { recursive: true })
    await rm(join(folder, archive))
  })
}

/**
 * The package that the meta package stands for today.
 * @throws ProbarError lab-boot-failed when apt's answer names none
 */
export function kernelPackage(shown: string): { readonly name: string; readonly version: string } {
  const match = /^Depends:.*?\b(linux-image-[\w.+-]+) \(= ([^)]+)\)/m.exec(shown)
  const [, name, version] = match ?? []
  if (name === undefined || version === undefined) {
    throw new ProbarError('lab-boot-failed', `apt names no kernel for ${META_PACKAGE}: ${shown.slice(0, 200)}`)
  }
  return { name, version }
}

/** Takes kernel, configuration and modules out of the unpacked package. */
async function keep(request: StockKernelRequest, xz: string, unpacked: string, folder: string): Promise<void> {
  const boot = await readdir(join(unpacked, 'boot'))
  const image = boot.find((file) => file.startsWith('vmlinuz-'))
  if (image === undefined) throw new ProbarError('lab-boot-failed', 'the kernel package has no boot/vmlinuz')
  const release = image.slice('vmlinuz-'.length)
  const decompressXz = (bytes: Uint8Array): Promise<Buffer> =>
    // the kernel's length follows the stream, which xz would otherwise take for a broken second one
    execute(xz, ['--decompress', '--single-stream', '--stdout'], {
      env: request.env,
      signal: request.signal,
      input: bytes,
    })
  await writeFile(join(folder, 'vmlinux'), await vmlinuxOf(await readFile(join(unpacked, 'boot', image)), decompressXz))
  await cp(join(unpacked, 'boot', `config-${release}`), join(folder, 'config'))
  const source = await packageModules(unpacked, release, decompressXz)
  const modules = await loadOrder(request.modules, source)
  await mkdir(join(folder, 'modules'))
  for (const { name, bytes } of modules) await writeFile(join(folder, 'modules', `${name}.ko`), bytes)
  await writeFile(join(folder, 'modules/order'), modules.map(({ name }) => `${name}\n`).join(''))
}

type Decompress = (bytes: Uint8Array) => Promise<Uint8Array>

async function vmlinuxOf(image: Uint8Array, decompressXz: Decompress): Promise<Uint8Array> {
  const { compression, bytes } = payloadOf(image)
  if (compression === 'none') return bytes
  if (compression === 'gzip') return gunzipSync(bytes.subarray(0, bytes.length - 4))
  if (compression === 'xz') return decompressXz(bytes)
  throw new ProbarError('lab-boot-failed', `a kernel compressed with ${compression} is not supported`)
}

async function packageModules(unpacked: string, release: string, decompressXz: Decompress): Promise<ModuleSource> {
  const places = ['lib/modules', 'usr/lib/modules'].map((place) => join(unpacked, place, release))
  const lists = await Promise.all(places.map((place) => readdir(place, { recursive: true }).catch(() => [])))
  const place = places.find((_, index) => (lists[index]?.length ?? 0) > 0)
  if (place === undefined) throw new ProbarError('lab-boot-failed', `the kernel package has no modules for ${release}`)
  const files = new Map(
    lists.flat().flatMap((file) => (/\.ko(\.\w+)?$/.test(file) ? [[moduleName(file), file] as const] : [])),
  )
  const builtIn = new Set((await readFile(join(place, 'modules.builtin'), 'utf8')).split('\n').map(moduleName))
  return {
    isBuiltIn: (name) => builtIn.has(name),
    async read(name) {
      const file = files.get(name)
      if (file === undefined) return undefined
      const bytes = await readFile(join(place, file))
      if (file.endsWith('.ko')) return bytes
      if (file.endsWith('.xz')) return decompressXz(bytes)
      throw new ProbarError('lab-boot-failed', `${file}: only modules compressed with xz can be read`)
    },
  }
}
