import { ProbarError } from '../base/errors.ts'
import { canonicalPciAddress } from './address.ts'

/** A function in a saved dump. */
export interface DumpedFunction {
  /** `0000:01:00.0` */
  readonly address: string
  readonly bytes: Uint8Array
}

/** `01:00.0 Ethernet controller: …` or `0000:01:00.0 …`; with `-vmm` `Slot:` stands in front. */
const HEADING = /^(?:Slot:\t)?((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7])(?:\s|$)/i
/** `10: 00 00 … ` with 1 to 16 bytes; the offset has two to four digits. */
const LINE = /^([0-9a-f]{2,4}):((?: [0-9a-f]{2}){1,16})\s*$/i
/** What begins as a line of bytes does, whether it is one or not. */
const LIKE_LINE = /^[0-9a-f]{2,4}:(?:\s|$)/i
const SIZE = 4096
const HEADER_SIZE = 64
/** Letters of a line that is no dump's; a line of lspci has at most 53. */
const QUOTED = 60

/**
 * Reads what `lspci -x`, `-xxx` or `-xxxx` printed, also with `-D`, `-n`, `-v` or `-vv`, whose further lines are skipped.
 * @throws ProbarError dump-invalid, with the line, where it is no such dump
 */
export function parseDump(text: string): readonly DumpedFunction[] {
  const functions = new Map<string, { readonly bytes: number[]; readonly line: number }>()
  let current: number[] | undefined
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const heading = HEADING.exec(line)?.[1]
    const address = heading === undefined ? undefined : canonicalPciAddress(heading)
    if (address !== undefined) {
      if (functions.has(address)) throw invalid(`line ${index + 1}: ${address} is there twice`)
      current = []
      functions.set(address, { bytes: current, line: index + 1 })
    } else if (LIKE_LINE.test(line)) append(current, line, index + 1)
  }
  if (functions.size === 0) throw invalid('it has no line with a PCI address')
  return Array.from(functions, ([address, { bytes, line }]) => {
    if (bytes.length >= HEADER_SIZE) return { address, bytes: new Uint8Array(bytes) }
    throw invalid(
      `line ${line}: ${address} has ${bytes.length} bytes of config space, and a header takes ${HEADER_SIZE}`,
    )
  })
}

function append(bytes: number[] | undefined, line: string, number: number): void {
  const [, offset, values] = LINE.exec(line) ?? []
  if (offset === undefined || values === undefined)
    throw invalid(`line ${number}: '${line.slice(0, QUOTED).trim()}' is no line of bytes`)
  if (bytes === undefined) throw invalid(`line ${number}: bytes before any PCI address`)
  if (Number.parseInt(offset, 16) !== bytes.length) {
    throw invalid(`line ${number}: it goes on at ${offset}, where ${bytes.length.toString(16).padStart(2, '0')} is due`)
  }
  bytes.push(
    ...values
      .trim()
      .split(' ')
      .map((value) => Number.parseInt(value, 16)),
  )
  if (bytes.length > SIZE) throw invalid(`line ${number}: a config space has at most ${SIZE} bytes`)
}

const invalid = (what: string): ProbarError =>
  new ProbarError('dump-invalid', `not a dump of config space: ${what}; make one by 'lspci -xxxx > FILE' as root`)
