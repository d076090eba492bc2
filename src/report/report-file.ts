import { accessSync, constants, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { OsError, ProbarError } from '../base/errors.ts'

/** A report that is there in whole, or as it was before. */
export class ReportFile {
  readonly #target: string

  /**
   * @param format the reporter's name, for messages
   * @throws ProbarError usage when the file cannot be written, so that no long run is lost
   */
  constructor(format: string, target: string) {
    checkWritable(format, target)
    this.#target = target
  }

  /** @throws OsError os-error */
  write(text: string): void {
    writeWhole(this.#target, text)
  }
}

function checkWritable(format: string, target: string): void {
  const folder = dirname(target)
  try {
    accessSync(folder, constants.W_OK)
    if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new ProbarError('usage', `${format}=${target}: is a folder; name a file`)
    }
  } catch (error) {
    if (error instanceof ProbarError) throw error
    const advice = 'create it, or name another file'
    throw new ProbarError('usage', `${format}=${target}: cannot write to the folder ${folder}: ${advice}`, {
      cause: error,
    })
  }
}

/** Through a file beside it that takes its place; a pipe or a device is written to directly. */
function writeWhole(target: string, text: string): void {
  try {
    const there = statSync(target, { throwIfNoEntry: false })
    if (there !== undefined && !there.isFile()) return writeFileSync(target, text)
    // A link stays a link: the file that it leads to is replaced.
    replace(there === undefined ? target : realpathSync(target), text)
  } catch (error) {
    throw asOsError(target, error)
  }
}

function replace(file: string, text: string): void {
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}.part`)
  try {
    writeFileSync(beside, text, { flush: true })
    renameSync(beside, file)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}

/** Anything but a failed system call is passed on as it is. */
function asOsError(target: string, error: unknown): unknown {
  if (!isSystemError(error)) return error
  const message = `cannot write the report to ${target}: ${error.message}`
  return new OsError('os-error', message, Math.abs(error.errno), error.syscall, { cause: error })
}

interface SystemError {
  readonly message: string
  readonly errno: number
  readonly syscall: string
}

function isSystemError(error: unknown): error is SystemError {
  return typeof error === 'object' && error !== null && 'errno' in error && 'syscall' in error && 'message' in error
}
