import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { type ErrorCode, OsError, ProbarError } from '../base/errors.ts'

/** Every code that native code may name; the addon's side of it is native/core/errors.h. */
const NATIVE_CODES: ReadonlySet<string> = new Set([
  'access-violation',
  'capability-missing',
  'closed',
  'device-absent',
  'device-busy',
  'device-gone',
  'dma-entries-exhausted',
  'dma-misaligned',
  'dma-outside-aperture',
  'dma-overlap',
  'dma-range-overflow',
  'dma-unmapped',
  'dma-would-split',
  'group-not-viable',
  'internal',
  'interrupt-unavailable',
  'iommu-unavailable',
  'os-error',
  'out-of-memory',
  'permission-denied',
  'range-outside',
  'region-absent',
  'region-misaligned',
  'region-outside',
  'region-unmappable',
  'register-width',
] satisfies readonly ErrorCode[])

const isNativeCode = (code: string): code is ErrorCode => NATIVE_CODES.has(code)

/** The addon's error factory: an OsError when a system call failed, else a ProbarError. */
export function nativeError(code: string, message: string, errno: number, syscall: string): Error {
  if (!isNativeCode(code)) return new ProbarError('internal', `${message} (unknown code ${code} from native code)`)
  return errno === 0 ? new ProbarError(code, message) : new OsError(code, message, errno, syscall)
}

const { errno: numbers } = constants

/** What a failed memory call of the C library means; anything else is `os-error`. */
const MEMORY_CALL_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [numbers.ENOMEM, 'out-of-memory'],
  [numbers.ENOSPC, 'out-of-memory'],
  [numbers.EMFILE, 'out-of-memory'],
  [numbers.ENFILE, 'out-of-memory'],
  [numbers.EACCES, 'permission-denied'],
  [numbers.EPERM, 'permission-denied'],
])

/** @param errno positive, as the C library set it */
export function memoryCallError(what: string, errno: number, syscall: string): OsError {
  const code = MEMORY_CALL_CODES.get(errno) ?? 'os-error'
  const advice =
    code === 'out-of-memory' ? '; release something, or raise vm.max_map_count, ulimit -v or ulimit -n' : ''
  return new OsError(code, `${what} (${syscall}: ${getSystemErrorName(-errno)})${advice}`, errno, syscall)
}
