import type { ConfigProblem } from '../problem.ts'

/** A capability's place in a chain, before anybody looked at what it holds. */
export interface Link {
  /** Bytes from the start of config space. */
  readonly offset: number
  readonly id: number
  /** Of an extended capability. */
  readonly version?: number
}

/** As far as the chain can be followed. It always ends, because no place is visited twice. */
export interface Chain {
  readonly links: readonly Link[]
  readonly problems: readonly ConfigProblem[]
}

/** What stands at a place: a capability and the pointer behind it, or why the chain ends here. */
export type Stop = { readonly link: Link; readonly next: number } | { readonly problem: ConfigProblem }

export interface Walk {
  /** The lowest offset that a capability can have. */
  readonly lowest: number
  /** Where the first pointer stands. */
  readonly pointer: number
  readonly at: (offset: number) => Stop
}

/** Follows pointers from `start` until one is zero or leads nowhere. */
export function follow(start: number, { lowest, pointer, at }: Walk): Chain {
  const links: Link[] = []
  const problems: ConfigProblem[] = []
  const visited = new Set<number>()
  let [from, next] = [pointer, start]
  while (next !== 0) {
    if ((next & 3) !== 0) problems.push(unaligned(from, next))
    const offset = next - (next & 3)
    const wrong = leadsNowhere(from, offset, lowest, visited)
    if (wrong !== undefined) return { links, problems: [...problems, wrong] }
    visited.add(offset)
    const stop = at(offset)
    if ('problem' in stop) return { links, problems: [...problems, stop.problem] }
    links.push(stop.link)
    ;[from, next] = [offset, stop.next]
  }
  return { links, problems }
}

function leadsNowhere(
  from: number,
  to: number,
  lowest: number,
  visited: ReadonlySet<number>,
): ConfigProblem | undefined {
  if (to < lowest) {
    const text = `the pointer at ${place(from)} leads to ${place(to)}, below ${place(lowest)}, where capabilities begin`
    return { kind: 'pointer-low', offset: from, text }
  }
  if (!visited.has(to)) return undefined
  return { kind: 'loop', offset: from, text: `the pointer at ${place(from)} leads back to ${place(to)}: a loop` }
}

const unaligned = (from: number, to: number): ConfigProblem => ({
  kind: 'pointer-unaligned',
  offset: from,
  text: `the pointer at ${place(from)} is ${place(to)}; its two low bits have to be zero, and are ignored`,
})

/** Offsets as lspci and the specifications write them, so that they can be searched for. */
export const place = (offset: number): string => `0x${offset.toString(16).padStart(2, '0')}`
