/**
 * How a line of the doctor ends: nothing to do; a run works, but something is to be known; a run does not work; or it
 * could not be told.
 */
export type State = 'ok' | 'warn' | 'bad' | 'unknown'

/** The kernel's interfaces by which a device is reached. */
export type Way = 'vfio' | 'iommufd' | 'noiommu'

export interface Mend {
  /** For a shell, as it stands. */
  readonly command: string
  readonly asRoot: boolean
}

/** One line of the doctor. */
export interface Finding {
  /** A stable name: `iommu`, `memlock`, … */
  readonly check: string
  readonly title: string
  readonly state: State
  readonly found: string
  /** Why it matters. */
  readonly why: string
  /** Commands that mend it, in their order; empty where there is none, or none is needed. */
  readonly mend: readonly Mend[]
  /** Which interfaces can't be used while this is bad. */
  readonly ways: readonly Way[]
  /** For a column of a table, where it is bad: `in use: root file system`. */
  readonly short?: string
  /** What a bad one counts as where another interface works; `warn` unless told. */
  readonly otherwise?: 'ok'
}

export const WITH_IOMMU: readonly Way[] = ['vfio', 'iommufd']
export const EVERY_WAY: readonly Way[] = ['vfio', 'iommufd', 'noiommu']

export const asRoot = (...commands: readonly string[]): readonly Mend[] =>
  commands.map((command) => ({ command, asRoot: true }))

export const asUser = (...commands: readonly string[]): readonly Mend[] =>
  commands.map((command) => ({ command, asRoot: false }))

export interface Weighed {
  /** Those that concern what was asked for, as bad as they are for it. */
  readonly findings: readonly Finding[]
  /** The interfaces that work. */
  readonly ways: readonly Way[]
}

/**
 * What is bad for one interface only does not count as bad where another one that was asked for has nothing of its own in
 * the way: a kernel without iommufd is no worse for a run that can go through the group.
 */
export function weigh(findings: readonly Finding[], asked: readonly Way[]): Weighed {
  const concerned = findings.filter(({ ways }) => ways.some((way) => asked.includes(way)))
  const bad = concerned.filter(({ state }) => state === 'bad')
  const common = bad.filter(({ ways }) => asked.every((way) => ways.includes(way)))
  const own = bad.filter((finding) => !common.includes(finding))
  const clean = asked.filter((way) => own.every(({ ways }) => !ways.includes(way)))
  return {
    findings: clean.length === 0 ? concerned : concerned.map((one) => (own.includes(one) ? lessened(one, clean) : one)),
    ways: common.length === 0 ? clean : [],
  }
}

function lessened(finding: Finding, clean: readonly Way[]): Finding {
  const { otherwise: state = 'warn', found } = finding
  const instead = `${found}; not needed for ${clean.join(' or ')}`
  return { ...finding, state, found: instead, ...(state === 'ok' ? { mend: [] } : {}) }
}
