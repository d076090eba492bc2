import { summarise } from '../record/outcome.ts'
import type { CaseRecord, Reason, RunRecord } from '../record/schema.ts'
import { evidenceLines } from './case-lines.ts'
import { paint } from './paint.ts'
import { type Attributes, type Element, element, textElement, xmlDocument } from './xml.ts'

/**
 * A run as JUnit XML, in the dialect of Jenkins' junit-10.xsd, which GitHub's report actions and GitLab read too.
 * @param record undefined when the run failed before it reached its device
 * @param ended why the run did not come to its end: an error in a suite of its own
 */
export function junitDocument(record: RunRecord | undefined, ended?: Reason): string {
  const cases = record?.cases ?? []
  const suites = [...bySuite(cases)].map(([name, own]) => suiteElement(name, own, record))
  const { tests, failures, errors, time } = totals(cases)
  const more = ended === undefined ? 0 : 1
  const attributes = { name: 'probar', tests: tests + more, failures, errors: errors + more, time }
  return xmlDocument(
    element('testsuites', attributes, ended === undefined ? suites : [...suites, endElement(ended, record)]),
  )
}

function bySuite(cases: readonly CaseRecord[]): ReadonlyMap<string, readonly CaseRecord[]> {
  const suites = new Map<string, CaseRecord[]>()
  for (const one of cases) suites.set(one.suite, [...(suites.get(one.suite) ?? []), one])
  return suites
}

/** JUnit has four outcomes: a known issue that shows is none of the passes, one that does not has to be looked at. */
function totals(cases: readonly CaseRecord[]) {
  const { fail, skip, xfail, xpass, error } = summarise(cases)
  const time = seconds(cases.reduce((sum, { durationMs }) => sum + durationMs, 0))
  return { tests: cases.length, failures: fail + xpass, errors: error, skipped: skip + xfail, time }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

function suiteElement(name: string, cases: readonly CaseRecord[], record: RunRecord | undefined): Element {
  const attributes = { name, ...totals(cases), timestamp: timestamp(record) }
  return element('testsuite', attributes, [...properties(record), ...cases.map(caseElement)])
}

function endElement({ code, text }: Reason, record: RunRecord | undefined): Element {
  const attributes = { name: 'probar', tests: 1, failures: 0, errors: 1, skipped: 0, time: '0.000' }
  // GitLab shows the text, Jenkins the message: so it is in both.
  const error = textElement('error', { type: code, message: text }, `${text}\nThe run did not come to its end.`)
  const ended = element('testcase', { classname: 'probar', name: 'run', time: '0.000' }, [error])
  return element('testsuite', { ...attributes, timestamp: timestamp(record) }, [...properties(record), ended])
}

/** That of the run. The schemas of JUnit take no time zone, so it is UTC. */
const timestamp = (record: RunRecord | undefined): string | undefined => record?.startedAt.slice(0, 19)

/** What the run can be repeated with. The schema has properties of suites only. */
function properties(record: RunRecord | undefined): readonly Element[] {
  if (record === undefined) return []
  const { id, seed, backend, device, profile, host, versions, dmaInterface, withoutAddon } = record
  const named: Attributes = {
    run: id,
    device: device.ref,
    ids: `${device.vendor}:${device.device}, revision ${device.revision}`,
    driver: device.driver,
    group: device.group,
    profile,
    backend,
    dmaInterface,
    withoutAddon,
    seed,
    host: `${host.platform} ${host.release} ${host.arch}`,
    ...Object.fromEntries(Object.entries(versions).map(([name, version]) => [`version.${name}`, version])),
  }
  const given = Object.entries(named).filter(([, value]) => value !== undefined)
  return [
    element(
      'properties',
      {},
      given.map(([name, value]) => element('property', { name, value })),
    ),
  ]
}

function caseElement(one: CaseRecord): Element {
  const attributes = { classname: `probar.${one.suite}`, name: one.id, time: seconds(one.durationMs) }
  return element('testcase', attributes, [...outcome(one), textElement('system-out', {}, facts(one))])
}

function outcome(one: CaseRecord): readonly Element[] {
  const { verdict, reason: { code, text } = { code: verdict, text: 'no reason given' } } = one
  const because = (name: string, message: string): readonly Element[] => [
    textElement(name, { type: code, message }, [message, ...evidence(one)].join('\n')),
  ]
  switch (verdict) {
    case 'pass':
      return []
    case 'fail':
      return because('failure', text)
    case 'xpass':
      return because('failure', `passes in spite of the known issue: ${text}`)
    case 'error':
      return because('error', text)
    case 'skip':
      return because('skipped', `${code}: ${text}`)
    case 'xfail':
      return because('skipped', `known issue: ${text}`)
  }
}

/** The last operations, as the console shows them; the record has more. */
const evidence = (one: CaseRecord): readonly string[] =>
  evidenceLines(one, { paint: paint(false), columns: Number.POSITIVE_INFINITY }).map((line) => line.trim())

/** What JUnit has no place for. */
function facts({ verdict, witness, rules, reason, measurements = [] }: CaseRecord): string {
  return [
    `verdict: ${verdict}`,
    `witness: ${witness}`,
    `rules: ${rules.join(', ')}`,
    ...(verdict === 'pass' && reason !== undefined ? [`${reason.code}: ${reason.text}`] : []),
    ...measurements.map(({ name, value, unit }) => `${name}: ${value} ${unit}`),
  ].join('\n')
}
