import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { ProbarError } from '../base/errors.ts'
import { prepared, type Cache } from './kernel/cache.ts'
import { isStatic } from './kernel/elf.ts'
import { initramfs } from './kernel/initramfs.ts'
import { parseModuleList, type LoadableModule } from './kernel/modules.ts'
import { ownKernel } from './kernel/own.ts'
import { stockKernel } from './kernel/stock.ts'
import type { Iommu } from './qemu/arguments.ts'
import { findTools, OWN_KERNEL_TOOLS, STOCK_KERNEL_TOOLS } from './tools.ts'

/** Which kernel the guest runs: Debian's, the bench's own, or a file (vmlinux or bzImage) with all it needs built in. */
export type KernelChoice = { readonly kind: 'stock' | 'own' } | { readonly kind: 'file'; readonly path: string }

export interface BootFiles {
  readonly kernel: string
  readonly initramfs: string
}

export interface BootFilesRequest {
  readonly choice: KernelChoice
  readonly iommu: Iommu
  readonly cache: Cache
  /** The package's folder `lab`, with the guest's parts. */
  readonly parts: string
  readonly busybox: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal | undefined
  readonly clock: Clock
  readonly refresh?: boolean
  log(text: string): void
}

/**
 * Kernel and first root, from the cache or prepared now.
 * @throws ProbarError usage, lab-tool-missing, lab-boot-failed, cancelled
 */
export async function bootFiles(request: BootFilesRequest): Promise<BootFiles> {
  const { kernel, modules } = await kernelOf(request)
  const busybox = await readFile(request.busybox)
  if (!isStatic(busybox)) {
    const advice = 'the guest needs a static one: apt-get install -y busybox-static'
    throw new ProbarError('lab-tool-missing', `${request.busybox} is linked dynamically; ${advice}`)
  }
  const init = await readFile(join(request.parts, 'init'))
  return { kernel, initramfs: await cachedInitramfs(request.cache, init, busybox, modules) }
}

interface Kernel {
  readonly kernel: string
  readonly modules: readonly LoadableModule[]
}

async function kernelOf(request: BootFilesRequest): Promise<Kernel> {
  const { choice } = request
  switch (choice.kind) {
    case 'stock':
      return stock(request)
    case 'own':
      return { kernel: await own(request), modules: [] }
    case 'file':
      return { kernel: await existing(choice.path), modules: [] }
  }
}

async function existing(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined)
  if (entry?.isFile() !== true) throw new ProbarError('usage', `--kernel ${path}: there is no such file`)
  return path
}

async function own(request: BootFilesRequest): Promise<string> {
  const { cache, env, signal, clock, refresh = false } = request
  return ownKernel({
    cache,
    env,
    signal,
    clock,
    refresh,
    config: await readFile(join(request.parts, 'kernel/own.config'), 'utf8'),
    tools: () => findTools(OWN_KERNEL_TOOLS, env['PATH']),
    log: (text) => request.log(text),
  })
}

async function stock(request: BootFilesRequest): Promise<Kernel> {
  const { cache, env, signal, refresh = false } = request
  const kernel = await stockKernel({
    cache,
    env,
    signal,
    refresh,
    modules: parseModuleList(await readFile(join(request.parts, 'modules.list'), 'utf8')),
    tools: () => findTools(STOCK_KERNEL_TOOLS, env['PATH']),
    log: (text) => request.log(text),
  })
  if (request.iommu === 'virtio' && !/^CONFIG_VIRTIO_IOMMU=[ym]$/m.test(kernel.config)) {
    const fact = 'Debian builds its kernel without a driver for it (CONFIG_VIRTIO_IOMMU is not set)'
    throw new ProbarError('usage', `--iommu virtio: ${fact}; use --kernel own`)
  }
  return kernel
}

const ARCHIVE = 'initramfs.cpio.gz'

/** The folder's name is the hash of what is in it, so an edited init is never mistaken for the old one. */
async function cachedInitramfs(
  cache: Cache,
  init: Buffer,
  busybox: Buffer,
  modules: readonly LoadableModule[],
): Promise<string> {
  const hash = createHash('sha256').update(init).update(busybox)
  for (const { name, bytes } of modules) hash.update(name).update(bytes)
  const folder = await prepared(cache, `initramfs-${hash.digest('hex').slice(0, 16)}`, (making) =>
    writeFile(join(making, ARCHIVE), initramfs({ init, busybox, modules })),
  )
  return join(folder, ARCHIVE)
}
