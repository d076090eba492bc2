import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A folder of prepared things. Each is made under a temporary name and then renamed, so a preparation that was killed
 * leaves nothing that looks finished, and of two at once the first to finish wins.
 */
export interface Cache {
  readonly folder: string
  /** This process, whose id marks what is being made. */
  readonly pid: number
}

const UNFINISHED = /^\.making-(\d+)-/

/** The folder of that name, made by `make` unless it is there already. */
export async function prepared(cache: Cache, name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const final = join(cache.folder, name)
  if (await exists(final)) return final
  await mkdir(cache.folder, { recursive: true })
  await removeAbandoned(cache)
  const making = await mkdtemp(join(cache.folder, `.making-${cache.pid}-`))
  try {
    // made for its owner only, but the cache may be shared
    await chmod(making, 0o755)
    await make(making)
    await rename(making, final)
  } catch (error) {
    if (!(await exists(final))) throw error
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  return final
}

/** The newest finished folder whose name starts with the prefix. */
export async function newest(cache: Cache, prefix: string): Promise<string | undefined> {
  const names = await readdir(cache.folder).catch(() => [])
  const candidates = await Promise.all(
    names
      .filter((name) => name.startsWith(prefix))
      .map(async (name) => ({ path: join(cache.folder, name), time: (await stat(join(cache.folder, name))).mtimeMs })),
  )
  return candidates.toSorted((one, other) => other.time - one.time)[0]?.path
}

async function removeAbandoned(cache: Cache): Promise<void> {
  for (const name of await readdir(cache.folder)) {
    const pid = UNFINISHED.exec(name)?.[1]
    if (pid === undefined || Number(pid) === cache.pid || isRunning(Number(pid))) continue
    // what another user left is theirs to remove
    await rm(join(cache.folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Signal 0 asks whether a process is there; EPERM says so too. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
