/** Keys and indices from the top of a profile down to a value. */
export type Path = readonly (string | number)[]

/** Something wrong in a profile. */
export interface Problem {
  /** The value that is wrong or missing. */
  readonly path: Path
  /** What is wrong and what is allowed; continues the name of the key. */
  readonly text: string
  /** The key is wrong rather than its value. */
  readonly atKey?: boolean
}

/** A place in a file, counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export type PlacedProblem = Problem & Position

/** `regions[0].registers.liveness.width`; the top of the file has no name. */
export function spelled(path: Path): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  )
}

/** The value at a path, or undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
