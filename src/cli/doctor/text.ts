import type { Finding, State } from '../../host/linux/doctor/finding.ts'
import { type Paint, paint as paintWith } from '../../report/paint.ts'
import { counted, wrap } from '../../report/text.ts'
import type { Diagnosis } from '../../session/machine/diagnose.ts'

export interface Page {
  /** Lines are broken to; may be infinite. */
  readonly columns: number
  readonly colours: boolean
}

const COLOURS = { ok: 'good', warn: 'odd', bad: 'bad', unknown: 'faint' } as const satisfies Record<State, keyof Paint>
const STATE_WIDTH = 9
const REST = ' '.repeat(STATE_WIDTH)

/** For each finding its state and what was found, why that matters, and the commands that mend it, each on a line. */
export function asText(diagnosis: Diagnosis, { columns, colours }: Page): string {
  const paint = paintWith(colours)
  const { ref, machine, device } = diagnosis
  const lines = [
    paint.strong('The machine'),
    ...machine.flatMap((finding) => findingLines(finding, columns, paint)),
    ...(ref === undefined ? [] : ['', paint.strong(ref)]),
    ...device.flatMap((finding) => findingLines(finding, columns, paint)),
    '',
    ...wrap(closing(diagnosis), columns, { first: '', rest: '' }),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function findingLines({ state, title, found, why, mend }: Finding, columns: number, paint: Paint): readonly string[] {
  const [first = '', ...more] = wrap(`${title}: ${found}`, columns, { first: REST, rest: REST })
  return [
    paint[COLOURS[state]](state.padEnd(STATE_WIDTH)) + first.slice(STATE_WIDTH),
    ...more,
    ...wrap(why, columns, { first: REST, rest: REST }).map((line) => paint.faint(line)),
    // A command is for copying: it is never broken.
    ...mend.map(({ command, asRoot }) => `${REST}${asRoot ? 'as root' : 'do'}: ${command}`),
  ]
}

function closing({ ready, backends, machine, device, ref }: Diagnosis): string {
  const states = [...machine, ...device].map(({ state }) => state)
  const count = (wanted: State): number => states.filter((state) => state === wanted).length
  const rest = [
    ...(count('warn') > 0 ? [counted(count('warn'), 'warning')] : []),
    ...(count('unknown') > 0 ? [`${count('unknown')} unknown`] : []),
  ]
  const remark = rest.length === 0 ? '' : ` (${rest.join(', ')})`
  if (!ready) return `Not ready: ${count('bad')} bad${remark}`
  return `${ref === undefined ? 'The machine is ready' : 'Ready'} by ${backends.join(' and ')}${remark}`
}
