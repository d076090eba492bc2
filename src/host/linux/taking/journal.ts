import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { OsError, ProbarError } from '../../../base/errors.ts'
import { systemErrorCode } from '../../../base/system-error.ts'
import { holderSchema } from './holder.ts'
import type { TakingPlaces } from './places.ts'

const JOURNAL_SCHEMA = 'probar-journal/1'

const entrySchema = z.strictObject({
  address: z.string().regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/),
  driver: z
    .string()
    .regex(/^[^/\s]+$/)
    .nullable(),
  override: z
    .string()
    .regex(/^[^/\s]+$/)
    .nullable(),
  /** `end` of the run that took it, or `unbind`, by hand. */
  until: z.enum(['end', 'unbind']),
})

const journalSchema = z.strictObject({
  schema: z.literal(JOURNAL_SCHEMA),
  /** The group's, as its lease has it. */
  name: z.string(),
  /** Who took it. */
  holder: holderSchema,
  functions: z.array(entrySchema),
})

/** A function that was taken, and what it had before. */
export type JournalEntry = z.infer<typeof entrySchema>

/** What was taken of a group and is to be put back. Without a journal there is nothing to be put back. */
export type Journal = Omit<z.infer<typeof journalSchema>, 'schema'>

type JournalPlaces = Pick<TakingPlaces, 'journals'>

/** A group's journal and where it lies. @throws ProbarError journal-invalid */
export function findJournal(
  name: string,
  { journals }: JournalPlaces,
): { readonly file: string; readonly journal: Journal } | undefined {
  for (const folder of journals) {
    const file = join(folder, `${name}.json`)
    if (existsSync(file)) return { file, journal: readJournal(file) }
  }
  return undefined
}

/** Every journal's file on this machine. */
export function journalFiles({ journals }: JournalPlaces): readonly string[] {
  return [...new Set(journals)].filter(isFolder).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^(group-\d+|device-[0-9a-f:.]+)\.json$/.test(name))
      .toSorted()
      .map((name) => join(folder, name)),
  )
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** @throws ProbarError journal-invalid, with each problem; permission-denied. Node's own ENOENT for one that is not there */
export function readJournal(file: string): Journal {
  const parsed = journalSchema.safeParse(parseJson(textOf(file), file))
  if (parsed.success) return parsed.data
  throw invalid(file, parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}

/**
 * Writes a group's first journal, in the first folder that takes it.
 * @returns its file
 * @throws OsError permission-denied, os-error; then nothing may be taken
 */
export function createJournal(journal: Journal, { journals }: JournalPlaces): string {
  let first: unknown
  for (const folder of journals) {
    const file = join(folder, `${journal.name}.json`)
    try {
      mkdirSync(folder, { recursive: true })
      writeWhole(file, journal)
      return file
    } catch (error) {
      first ??= error
    }
  }
  throw unwritable(journals.join(' or '), first)
}

/** Replaces a journal, whole or not at all; it is on the disk when this returns. @throws OsError */
export function writeJournal(file: string, journal: Journal): void {
  try {
    writeWhole(file, journal)
  } catch (error) {
    throw unwritable(file, error)
  }
}

function writeWhole(file: string, journal: Journal): void {
  const fresh = `${file}.new`
  try {
    const output = openSync(fresh, 'w', 0o644)
    try {
      // Goes on after a short write, with which a disk that is filling up begins.
      writeFileSync(output, `${JSON.stringify({ schema: JOURNAL_SCHEMA, ...journal }, undefined, 2)}\n`)
      fsyncSync(output)
    } finally {
      closeSync(output)
    }
    renameSync(fresh, file)
    syncFolder(dirname(file))
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}

/** @throws OsError permission-denied, os-error */
export function removeJournal(file: string): void {
  change(file, 'removed', () => rmSync(file, { force: true }))
}

/** Puts an unreadable journal where nothing looks for one; returns where. @throws OsError permission-denied, os-error */
export function setAside(file: string): string {
  let aside = `${file}.unreadable`
  for (let n = 2; existsSync(aside); n++) aside = `${file}.unreadable-${n}`
  change(file, 'put aside', () => renameSync(file, aside))
  return aside
}

function change(file: string, what: string, action: () => void): void {
  try {
    action()
    syncFolder(dirname(file))
  } catch (error) {
    const code = systemErrorCode(error)
    const denied = code === 'EACCES' || code === 'EPERM'
    const message = `the journal ${file} cannot be ${what} (${code}): ${denied ? 'run as root' : 'mount it writable'}`
    throw new OsError(denied ? 'permission-denied' : 'os-error', message, denied ? 13 : 0, 'rename', { cause: error })
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT') throw error
    if (code !== 'EACCES' && code !== 'EPERM') throw invalid(file, `it cannot be read: ${code}`)
    const message = `${file} cannot be read (${code}), and what is to be put back is in it: run as root`
    throw new OsError('permission-denied', message, 13, 'open', { cause: error })
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(file, `not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function invalid(file: string, problem: string): ProbarError {
  const mend =
    "'probar doctor --repair' puts it aside; then 'probar unbind' gives the device to the driver that the kernel finds"
  return new ProbarError('journal-invalid', `${file} does not say what is to be put back (${problem}): ${mend}`)
}

function unwritable(where: string, cause: unknown): OsError {
  const code = systemErrorCode(cause)
  const denied = code === 'EACCES' || code === 'EPERM'
  const mend = denied ? 'run as root' : 'make room there, or mount it writable'
  const message = `no journal can be written to ${where} (${code}), so nothing is taken: ${mend}`
  return new OsError(denied ? 'permission-denied' : 'os-error', message, denied ? 13 : 0, 'write', { cause })
}
