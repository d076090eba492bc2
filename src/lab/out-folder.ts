import { mkdir, mkdtemp, readdir, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ProbarError } from '../base/errors.ts'

/** Folders that are the guest's own, so that a host's folder below them is not to be seen there. */
const HIDDEN = ['/dev', '/proc', '/sys']

/**
 * An empty folder for what COMMAND writes: the one asked for, else a fresh one under `out/`. One that holds files is
 * refused, because an earlier run's results would pass for this one's.
 * @returns its absolute path without symbolic links, which is also its path in the guest
 * @throws ProbarError usage
 */
export async function outFolder(asked: string | undefined, folder: string): Promise<string> {
  if (asked === undefined) {
    await mkdir(join(folder, 'out'), { recursive: true })
    return realpath(await mkdtemp(join(folder, 'out/lab-')))
  }
  const path = resolve(folder, asked)
  await mkdir(path, { recursive: true }).catch((cause: Error) => {
    throw new ProbarError('usage', `--out ${asked}: ${cause.message}`, { cause })
  })
  if ((await readdir(path)).length > 0) {
    throw new ProbarError('usage', `--out ${asked}: the folder is not empty; name a fresh one or empty it first`)
  }
  return visibleInGuest(await realpath(path))
}

/** @throws ProbarError usage when the path lies where the guest has file systems of its own */
export function visibleInGuest(path: string): string {
  const hidden = HIDDEN.find((top) => path === top || path.startsWith(`${top}/`))
  if (hidden === undefined) return path
  throw new ProbarError('usage', `${path} can't be seen in the guest, which has a ${hidden} of its own`)
}
