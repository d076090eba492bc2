import { constants } from 'node:os'
import { memoryCallError } from './errors.ts'
import { loadKoffi } from './libc.ts'
import type { FileLockSurface } from './surface.ts'

/** LOCK_EX | LOCK_NB (sys/file.h, the same on Linux and macOS). */
const EXCLUSIVE_AT_ONCE = 2 | 4

/**
 * Locks of files through koffi and the C library.
 * @param addonProblem why the addon is not in use
 * @throws ProbarError addon-missing
 */
export function koffiFileLocks(addonProblem: string): FileLockSurface {
  const koffi = loadKoffi(addonProblem)
  const flock = koffi.load(null).func('flock', 'int', ['int', 'int']) as (file: number, operation: number) => number
  return {
    lockFile(descriptor) {
      if (flock(descriptor, EXCLUSIVE_AT_ONCE) === 0) return true
      const errno = koffi.errno()
      if (errno === constants.errno.EWOULDBLOCK) return false
      throw memoryCallError('the file cannot be locked', errno, 'flock')
    },
  }
}
