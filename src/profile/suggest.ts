/** The candidate that a mistyped word most likely means, or undefined when none is near. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (edits < least) [best, least] = [candidate, edits]
  }
  return best
}

/** ` (did you mean …?)`, or nothing. */
export function hint(word: string, candidates: Iterable<string>): string {
  const candidate = closest(word, candidates)
  return candidate === undefined ? '' : ` (did you mean ${candidate}?)`
}

/** Insertions, deletions and substitutions between two words (Levenshtein). */
export function editDistance(from: string, to: string): number {
  const letters = [...to]
  let row = [0, ...letters.map((_, index) => index + 1)]
  for (const [above, letter] of [...from].entries()) {
    const next = [above + 1]
    for (const [index, other] of letters.entries()) {
      const substituted = cell(row, index) + (letter === other ? 0 : 1)
      next.push(Math.min(substituted, cell(row, index + 1) + 1, cell(next, index) + 1))
    }
    row = next
  }
  return cell(row, letters.length)
}

const cell = (row: readonly number[], column: number): number => row[column] ?? 0
