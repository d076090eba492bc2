/** A record may come from anywhere: control characters in it must not reach a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\r?\n/g, '\n').replaceAll(/[^\P{Cc}\n]/gu, '�')
}

/** On one line of at most `columns`; what does not fit ends in `…`. */
export function shorten(text: string, columns: number): string {
  const letters = [...printable(text).replaceAll('\n', ' ')]
  return letters.length <= columns ? letters.join('') : `${letters.slice(0, Math.max(0, columns - 1)).join('')}…`
}

export interface Indent {
  readonly first: string
  readonly rest: string
}

/** Lines of at most `columns`, broken at spaces where possible. `columns` may be infinite. */
export function wrap(text: string, columns: number, { first, rest }: Indent): readonly string[] {
  const lines: string[] = []
  const room = Math.max(8, columns - rest.length)
  for (const paragraph of printable(text).split('\n')) {
    for (const line of broken(paragraph, room)) lines.push((lines.length === 0 ? first : rest) + line)
  }
  return lines
}

function broken(paragraph: string, room: number): readonly string[] {
  const lines = ['']
  for (const word of paragraph.split(' ').flatMap((whole) => pieces(whole, room))) {
    const line = lines.at(-1) ?? ''
    const longer = line === '' ? word : `${line} ${word}`
    if ([...longer].length <= room) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** A word, cut where it is longer than a line. */
function pieces(word: string, room: number): readonly string[] {
  const letters = [...word]
  if (letters.length <= room) return [word]
  return Array.from({ length: Math.ceil(letters.length / room) }, (_, index) =>
    letters.slice(index * room, (index + 1) * room).join(''),
  )
}

/** `1 case`, `2 cases`. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`
}

/** `< 1 ms`, `12 ms`, `1.3 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1) return '< 1 ms'
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `32 bytes`, `4 KiB`, `1.5 MiB`. */
export function binarySize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = Number((bytes / 2 ** (10 * power)).toFixed(1))
  return `${value} ${UNITS[power]}`
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']
