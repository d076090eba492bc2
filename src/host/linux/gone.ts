import { ProbarError } from '../../base/errors.ts'
import { systemErrorCode } from '../../base/system-error.ts'

/** A file of sysfs that is not there, or one whose function was unplugged after it had been opened (ENODEV). */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ENODEV'])

/** What `look` finds in sysfs, or undefined where that is not there (any more). */
export function ifPresent<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (GONE.has(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}

export const functionAbsent = (address: string): ProbarError =>
  new ProbarError('device-absent', `no PCI function ${address} on this machine; 'probar devices' lists what there is`)
