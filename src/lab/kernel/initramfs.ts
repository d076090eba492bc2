import { gzipSync } from 'node:zlib'
import { cpioArchive } from './cpio.ts'
import type { LoadableModule } from './modules.ts'

export interface InitramfsParts {
  /** The script that becomes PID 1. */
  readonly init: Uint8Array
  /** A static busybox. */
  readonly busybox: Uint8Array
  /** In load order; none for a kernel that has everything built in. */
  readonly modules: readonly LoadableModule[]
}

/** Mount points that init uses. */
const FOLDERS = ['bin', 'dev', 'proc', 'sys', 'modules', 'share', 'lower', 'layer', 'root']

/** The guest's first root, compressed. */
export function initramfs({ init, busybox, modules }: InitramfsParts): Buffer {
  const order = modules.map(({ name }) => `${name}.ko\n`).join('')
  const archive = cpioArchive([
    ...FOLDERS.map((path) => ({ path })),
    { path: 'bin/busybox', bytes: busybox, executable: true },
    { path: 'init', bytes: init, executable: true },
    ...(modules.length > 0 ? [{ path: 'modules/order', bytes: Buffer.from(order) }] : []),
    ...modules.map(({ name, bytes }) => ({ path: `modules/${name}.ko`, bytes })),
  ])
  return gzipSync(archive, { level: 1 })
}
