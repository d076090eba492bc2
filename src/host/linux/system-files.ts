import { accessSync, constants, existsSync, readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { systemErrorCode } from '../../base/system-error.ts'

export type Access = 'granted' | 'denied' | 'absent'

/**
 * What the kernel tells in /proc and /sys, below a root folder that tests replace. What is not there is undefined or
 * empty; what this user may not read is so too, and is remembered, because it is no proof of absence.
 */
export class SystemFiles {
  readonly #root: string
  readonly #denied = new Set<string>()

  constructor(root = '/') {
    this.#root = realpathSync(root)
  }

  /** Paths that this user may not read, of those asked for so far. */
  get denied(): readonly string[] {
    return [...this.#denied]
  }

  /** The place of a path in the file system that this process sees. */
  place(path: string): string {
    return join(this.#root, path)
  }

  text(path: string): string | undefined {
    return this.#look(path, () => readFileSync(this.place(path), 'utf8'))
  }

  /** Of a folder, sorted. */
  names(path: string): readonly string[] {
    return this.#look(path, () => readdirSync(this.place(path)).toSorted()) ?? []
  }

  /** What a symbolic link says, as it says it. */
  link(path: string): string | undefined {
    return this.#look(path, () => readlinkSync(this.place(path)))
  }

  /** Where a path leads when every symbolic link is followed, below the root folder: `/sys/devices/pci0000:00/…`. */
  real(path: string): string | undefined {
    const found = this.#look(path, () => realpathSync(this.place(path)))
    return found === undefined ? undefined : `/${relative(this.#root, found)}`
  }

  exists(path: string): boolean {
    return existsSync(this.place(path))
  }

  /** Whether this user may open a file for reading, and for writing too where that is asked. Nothing is opened. */
  access(path: string, writing = true): Access {
    if (!this.exists(path)) return 'absent'
    try {
      accessSync(this.place(path), writing ? constants.R_OK | constants.W_OK : constants.R_OK)
      return 'granted'
    } catch {
      return 'denied'
    }
  }

  #look<T>(path: string, look: () => T): T | undefined {
    try {
      return look()
    } catch (error) {
      const code = systemErrorCode(error) ?? ''
      if (DENIED.has(code)) this.#denied.add(path)
      else if (!ABSENT.has(code)) throw error
      return undefined
    }
  }
}

/** ESRCH: a process that ended meanwhile; EINVAL, ENODEV, ENXIO: an attribute without a value; ELOOP: a link to itself. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ESRCH', 'EINVAL', 'ENODEV', 'ENXIO', 'ELOOP'])
const DENIED: ReadonlySet<string> = new Set(['EACCES', 'EPERM'])
