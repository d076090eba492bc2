import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning } from './kernel/cache.ts'

const NAME = /^probar-lab-(\d+)-/

/**
 * A fresh folder for one boot, named after its process: what a process left behind that was killed outright is
 * removed by the next boot.
 * @param temporary the system's folder for temporary files
 */
export async function runFolder(temporary: string, pid: number): Promise<string> {
  for (const name of await readdir(temporary)) {
    const owner = NAME.exec(name)?.[1]
    if (owner === undefined || isRunning(Number(owner))) continue
    // what another user left is theirs to remove
    await rm(join(temporary, name), { recursive: true, force: true }).catch(() => undefined)
  }
  return mkdtemp(join(temporary, `probar-lab-${pid}-`))
}
