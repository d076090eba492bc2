/** What is wrong with a config space, or with the part of it that is at hand. */
export const problemKinds = {
  'no-answer': 'all ones: nothing answers at this address',
  truncated: 'bytes that belong to it are not at hand',
  'header-unknown': 'a header type that is not specified',
  'pointer-low': 'a pointer into the header, where no capability can be',
  'pointer-unaligned': 'a pointer whose two low bits are not zero',
  loop: 'a pointer back to a capability that was there already',
  overlap: 'a capability that reaches into the next one',
  unreadable: 'a capability of all ones',
  empty: 'a pointer to a capability of zeros',
} as const

export type ProblemKind = keyof typeof problemKinds

export interface ConfigProblem {
  readonly kind: ProblemKind
  /** Bytes from the start of config space. */
  readonly offset: number
  readonly text: string
}
