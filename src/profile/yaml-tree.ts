import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Pair, type ParsedNode } from 'yaml'
import type { Path, PlacedProblem, Position } from './problem.ts'

/** A YAML file as plain values, with the place of each. */
export interface YamlTree {
  /** Maps, arrays, texts, numbers, booleans, null. */
  readonly value: unknown
  /** Not YAML at all; the value means nothing then. */
  readonly syntaxErrors: readonly PlacedProblem[]
  /** What plain values cannot show: a key that is there twice, an integer that a double would round. */
  readonly problems: readonly PlacedProblem[]
  /** Where a value is, or its key, or what encloses it when it is not there. */
  position(path: Path, atKey?: boolean): Position
}

export function readYaml(text: string): YamlTree {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    intAsBigInt: true,
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  })
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const walk = new Walk()
  const value = walk.plain(document.contents, [])
  return {
    value,
    syntaxErrors: [...document.errors, ...document.warnings].map(({ code, pos, message }) => ({
      path: [],
      text: code === 'MULTIPLE_DOCS' ? 'a second document begins here; a profile is one document' : message,
      ...position(pos[0]),
    })),
    problems: walk.problems.map(({ path, text, offset }) => ({ path, text, ...position(offset) })),
    position: (path, atKey = false) => position(walk.offset(path, atKey)),
  }
}

interface Offsets {
  readonly key: number
  readonly value: number
}

interface Finding {
  readonly path: Path
  readonly text: string
  readonly offset: number
}

class Walk {
  readonly problems: Finding[] = []
  readonly #offsets = new Map<string, Offsets>()

  offset(path: Path, atKey: boolean): number {
    const found = this.#offsets.get(JSON.stringify(path))
    if (found !== undefined) return atKey ? found.key : found.value
    return path.length === 0 ? 0 : this.offset(path.slice(0, -1), true)
  }

  plain(node: ParsedNode | null, path: Path, key?: number): unknown {
    const offset = node?.range[0] ?? key ?? 0
    this.#offsets.set(JSON.stringify(path), { key: key ?? offset, value: offset })
    if (isMap(node)) return this.#map(node.items, path)
    if (isSeq(node)) return node.items.map((item, index) => this.plain(item, [...path, index]))
    if (isScalar(node)) return this.#scalar(node.value, path, offset)
    const text = 'is an alias; write the value out, profiles have no references'
    if (node !== null) this.problems.push({ path, text, offset })
    return null
  }

  #map(pairs: readonly Pair<ParsedNode, ParsedNode | null>[], path: Path): unknown {
    const entries = new Map<string, unknown>()
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const offset = key.range[0]
      if (!entries.has(name)) entries.set(name, this.plain(value, [...path, name], offset))
      else this.problems.push({ path: [...path, name], text: 'is there twice; keep one of the two', offset })
    }
    return Object.fromEntries(entries)
  }

  #scalar(value: unknown, path: Path, offset: number): unknown {
    if (typeof value !== 'bigint') return value
    const number = Number(value)
    if (Number.isSafeInteger(number)) return number
    const quoted = value < 0n ? `'${value}'` : `'0x${value.toString(16)}'`
    const text = `is an integer beyond 53 bits, which many YAML readers round: write it as the quoted text ${quoted}`
    this.problems.push({ path, text, offset })
    return number
  }
}
