// The pages of this folder, made from the rule catalogue: one a family, one of the errata, and the list of them.
import { format } from 'prettier'

/** As spec/README.md has them. */
const FAMILIES = {
  MDL: 'Memory descriptor lists: building, locking, mapping, page allocation',
  KSM: 'AVStream mappings and stream pointers',
  PHY: 'Graphics physical memory objects and address descriptor lists',
  DXM: 'Mapping of BARs, resource lists, register and port access',
  WRT: 'WaveRT audio buffers and position registers',
  GVA: 'GPU virtual addresses, context allocations, page tables',
  DMA: 'DMA adapters, scatter/gather lists, common buffers, remapping',
  VER: 'What Driver Verifier and bug checks reveal',
}

const MARKS = {
  L: 'on a loopback',
  H: 'against a device',
  W: 'inside Windows',
  A: 'in the binary interface',
}

const EVIDENCE = {
  doc: 'stands in Microsoft’s documentation',
  hdr: 'follows from declarations in public headers',
  smp: 'can be seen in a sample driver of Microsoft’s',
  ro: 'describes what ReactOS does',
  kmt: 'is asserted by a kernel-mode test of ReactOS',
  inf: 'was inferred from the rest: the weakest evidence',
}

const REASONS = {
  'windows-only': 'Only Windows does it',
  'not-falsifiable-here': 'Nothing that Probar could see depends on it',
  supporting: 'A supporting rule',
}

const GENERATED = '<!-- Made by docs/rules/write.mjs from spec/ and the cases; `npm run rules` makes it anew. -->'
const PRETTIER = { parser: 'markdown', printWidth: 120 }

/**
 * @param catalogue spec/rules.json
 * @param table the rows of `rulesTable`
 * @param uncovered spec/uncovered.json
 * @param titles the title of each case by its id
 * @returns the text of each file by its name
 */
export async function pages({ catalogue, table, uncovered, titles }) {
  const parts = { rows: new Map(table.map((row) => [row.id, row])), uncovered, titles }
  const link = linker(catalogue)
  const families = Object.keys(FAMILIES).map((family) => [
    `${family.toLowerCase()}.md`,
    familyPage(
      family,
      catalogue.rules.filter((rule) => rule.family === family),
      parts,
      link,
    ),
  ])
  const all = [['README.md', indexPage(catalogue, table)], ...families, ['err.md', errataPage(catalogue.errata, link)]]
  return Object.fromEntries(await Promise.all(all.map(async ([name, text]) => [name, await format(text, PRETTIER)])))
}

function familyPage(family, rules, parts, link) {
  return [
    GENERATED,
    `# ${family}: ${FAMILIES[family]}`,
    backToIndex(),
    ...rules.map((one) => ruleText(one, parts, link)),
  ]
    .join('\n\n')
    .concat('\n')
}

const backToIndex = () =>
  '[All rules](README.md). What marks, evidence and sources mean is told in [spec/README.md](../../spec/README.md).'

function ruleText({ id, marks, evidence, core, text, sources }, { rows, uncovered, titles }, link) {
  const row = rows.get(id)
  const where = marks.map((mark) => `${MARKS[mark]} (${mark})`).join(', ')
  const facts = `${core ? 'Core' : 'Supporting'} · can be checked ${where} · ${EVIDENCE[evidence]}`
  const from = `Sources: ${sources.map((source) => `\`${source}\``).join('; ')}`
  const whole = { uncovered, titles, rule: id }
  const answer = row.clauses === undefined ? proofText(row, whole) : clausesText(row.clauses, whole)
  return [`## ${id}`, link(text, id), facts, from, answer].join('\n\n')
}

function clausesText(clauses, whole) {
  return clauses.map((one) => `**${one.id}**: ${escaped(one.text)}\n\n${proofText(one, whole)}`).join('\n\n')
}

function proofText({ id, cases, reason }, { uncovered, titles, rule }) {
  if (cases.length > 0) return cases.map((one) => `- \`${one}\`: ${escaped(titles.get(one) ?? '')}`).join('\n')
  if (reason === undefined) return '- No case yet.'
  const why = (uncovered[id] ?? uncovered[rule])?.why
  return `- No case. ${REASONS[reason]}${why === undefined ? '' : ` (${reason}): ${escaped(why).replace(/\.$/, '')}`}.`
}

function errataPage(errata, link) {
  const texts = errata.map(
    ({ id, where, problem, resolution }) =>
      `## ${id}\n\n${escaped(where)}\n\n${link(problem, id)}\n\nResolution: ${link(resolution, id)}`,
  )
  const intro =
    'Places where public documentation contradicts itself or says nothing, and the strict reading that Probar takes.'
  return [GENERATED, '# ERR: Errata', intro, '[All rules](README.md).', ...texts].join('\n\n').concat('\n')
}

function indexPage({ errata }, table) {
  const reasons = Object.keys(REASONS)
  const head = ['family', 'subject', 'rules', 'core', 'with a case', ...reasons, 'open']
  const rows = Object.keys(FAMILIES).map((family) => {
    const own = table.filter(({ id }) => id.startsWith(family))
    const counted = reasons.map((reason) => own.filter((one) => one.reason === reason).length)
    const open = own.filter(isOpen).length
    const covered = own.length - open - counted.reduce((sum, count) => sum + count, 0)
    const core = own.filter((one) => one.core).length
    return [`[${family}](${family.toLowerCase()}.md)`, FAMILIES[family], own.length, core, covered, ...counted, open]
  })
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return [
    GENERATED,
    '# Rules',
    `The ${table.length} promises that Probar checks, with the cases that prove each, or the reason why none can. ` +
      'Where a run proved them is told by `npx probar rules --coverage RUN…` ([cli.md](../cli.md#probar-rules)).',
    lines.join('\n'),
    'What is open has neither a case nor a reason yet; a rule of several clauses is open while one of them is.',
    `[ERR](err.md): ${errata.length} errata.`,
  ]
    .join('\n\n')
    .concat('\n')
}

/** Without a case and without a reason: the rule, or one of its clauses. */
const isOpen = ({ cases, reason, clauses }) => clauses?.some(isOpen) ?? (cases.length === 0 && reason === undefined)

/** Text with each rule and erratum that it mentions as a link, but for itself. */
function linker({ rules, errata }) {
  const known = new Set([...rules, ...errata].map(({ id }) => id))
  return (text, self) =>
    escaped(text).replaceAll(/\b([A-Z]{3})-\d+\b/g, (id, family) =>
      known.has(id) && id !== self ? `[${id}](${family.toLowerCase()}.md#${id.toLowerCase()})` : id,
    )
}

/** What Markdown would read as markup. */
const escaped = (text) => text.replaceAll(/[\\`*_[\]<>#|~&$]/g, String.raw`\$&`)
