import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../dumps')

/** Names of the saved dumps, without `.txt`. */
export const dumpNames: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => name.slice(0, -4))

export const dumpText = (name: string): string => readFileSync(join(FOLDER, `${name}.txt`), 'utf8')

/** What lspci wrote of one capability: the words behind each register's name, `""` for the heading. */
export interface LspciCapability {
  readonly heading: string
  readonly registers: ReadonlyMap<string, string>
}

/** lspci's own words by offset. */
export function lspciCapabilities(text: string): ReadonlyMap<number, LspciCapability> {
  const found = new Map<number, { heading: string; registers: Map<string, string> }>()
  let current: { heading: string; registers: Map<string, string> } | undefined
  let register = ''
  for (const line of text.split('\n')) {
    const [, offset, heading] = /^\tCapabilities: \[([0-9a-f]+)(?: v\d)?\] (.*)/.exec(line) ?? []
    if (offset !== undefined && heading !== undefined) {
      current = { heading, registers: new Map() }
      found.set(Number.parseInt(offset, 16), current)
      register = ''
    } else if (!line.startsWith('\t\t')) {
      current = undefined
    } else {
      // A register's name stands behind exactly two tabs; what goes on has a third, or a blank.
      const [, name, words] = /^\t\t([A-Z]\w*):\s+(.*)/.exec(line) ?? []
      if (name !== undefined) register = name
      current?.registers.set(register, `${current.registers.get(register) ?? ''} ${words ?? line.trim()}`)
    }
  }
  return found
}

/** The line of the header that begins with `name:`, with the one behind it where it goes on there. */
export const lspciLine = (text: string, name: string): string | undefined =>
  new RegExp(`^\\t${name}:.*(?:\\n\\t\\t.*)*`, 'm').exec(text)?.[0]

/** `Mem+` and `>TAbort-` by name. A group in front, as of `AtomicOpsCap: 32bit+`, is told by the caller. */
export function flagsIn(words: string): ReadonlyMap<string, boolean> {
  const found = words.matchAll(/(?<=^|[\s(,])([<>]?[\w/-]*\w)([+-])(?=[\s,);]|$)/g)
  return new Map([...found].map(([, name = '', sign]) => [name, sign === '+']))
}
