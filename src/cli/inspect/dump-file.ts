import { closeSync, openSync, readSync } from 'node:fs'
import { ProbarError } from '../../base/errors.ts'
import { systemErrorCode } from '../../base/system-error.ts'
import { binarySize } from '../../report/text.ts'

/** Some 5,000 functions of 4 KiB each. */
const MOST = 0x400_0000
const CHUNK = 0x1_0000

/**
 * The text of a saved dump, which may also be a pipe. What Windows' PowerShell redirects to a file is UTF-16, with a mark
 * in front.
 * @throws ProbarError dump-invalid where it can't be read, or does not end
 */
export function readDump(path: string): string {
  const bytes = orInvalid(path, () => readAll(path))
  if (bytes === undefined) throw invalid(`${path} has more than ${binarySize(MOST)}, as no dump of one machine has`)
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

function readAll(path: string): Buffer | undefined {
  const file = openSync(path, 'r')
  try {
    const parts: Buffer[] = []
    for (let length = 0; length <= MOST;) {
      const part = Buffer.allocUnsafe(CHUNK)
      const count = readSync(file, part)
      if (count === 0) return Buffer.concat(parts)
      parts.push(part.subarray(0, count))
      length += count
    }
    return undefined
  } finally {
    closeSync(file)
  }
}

function orInvalid<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const why = systemErrorCode(error) === 'ENOENT' ? 'is not there' : `can't be read (${systemErrorCode(error)})`
    throw invalid(`${path} ${why}`, error)
  }
}

const invalid = (what: string, cause?: unknown): ProbarError =>
  new ProbarError('dump-invalid', `${what}; make a dump by 'lspci -xxxx > FILE' as root`, { cause })
