import { getSystemErrorName } from 'node:util'
import { OsError, ProbarError } from '../../../base/errors.ts'
import { accessFailed, pollFailed } from '../../../device/register-program/outcome.ts'
import type { RegisterProgram } from '../../../device/register-program/program.ts'
import { ProgramStatus, REPORT_HEADER, ReportWord } from '../../../native/register-surface.ts'

/**
 * Runs a program natively and makes of its report the values or an error.
 * @param call the native interpreter: it fills the report
 */
export function runNative(
  program: RegisterProgram,
  call: (words: BigUint64Array, report: BigUint64Array) => void,
): BigUint64Array {
  const report = new BigUint64Array(REPORT_HEADER + program.widths.length)
  call(program.words, report)
  const word = (name: keyof typeof ReportWord): bigint => report[ReportWord[name]] ?? 0n
  const status = word('status')
  const values = report.subarray(REPORT_HEADER, REPORT_HEADER + Number(word('values')))
  if (status === ProgramStatus.done) return values
  const stopped = { step: Number(word('step')), values }
  if (status === ProgramStatus.missed) throw pollFailed(program, { ...stopped, last: word('last') })
  throw accessFailed(program, { ...stopped, cause: causeOf(status, Number(word('errno'))) })
}

function causeOf(status: bigint, errno: number): ProbarError {
  switch (status) {
    case ProgramStatus.vanished:
      return new ProbarError('device-gone', 'the access faulted: the device is gone, or its memory decoding is off')
    case ProgramStatus.forbidden:
      return new ProbarError('access-violation', 'the access faulted: nothing is mapped there, or it is protected')
    case ProgramStatus.failed: {
      const name = getSystemErrorName(-errno)
      const text = `the kernel refused the access (pread or pwrite: ${name})`
      return new OsError(name === 'EIO' ? 'device-gone' : 'os-error', text, errno, 'pread or pwrite')
    }
    default:
      return new ProbarError('internal', `native code reported the unknown status ${status}`)
  }
}
