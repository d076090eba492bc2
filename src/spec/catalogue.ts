import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ProbarError } from '../base/errors.ts'

/** How a rule can be checked: loopback, hardware, inside Windows only, layout. See spec/README.md. */
export const marks = ['L', 'H', 'W', 'A'] as const
export type Mark = (typeof marks)[number]

const text = z.string().min(1)

const ruleSchema = z
  .strictObject({
    id: z.string().regex(/^[A-Z]{3}-\d{3}$/),
    family: text,
    marks: z.array(z.enum(marks)).min(1).readonly(),
    evidence: z.enum(['doc', 'hdr', 'smp', 'ro', 'kmt', 'inf']),
    text,
    sources: z.array(text).min(1).readonly(),
    core: z.boolean(),
  })
  .readonly()
export type Rule = z.infer<typeof ruleSchema>

const erratumSchema = z
  .strictObject({ id: z.string().regex(/^ERR-\d{2}$/), where: text, problem: text, resolution: text })
  .readonly()
export type Erratum = z.infer<typeof erratumSchema>

const catalogueSchema = z
  .strictObject({ rules: z.array(ruleSchema).readonly(), errata: z.array(erratumSchema).readonly() })
  .readonly()
/** The promises that Probar checks, and where their documentation is wrong or silent. */
export type Catalogue = z.infer<typeof catalogueSchema>

/** Beside the package's src/ and dist/ alike. */
const file = new URL('../../spec/rules.json', import.meta.url)
let loaded: Catalogue | undefined

/** Read and checked once, when it is first asked for. */
export function loadCatalogue(): Catalogue {
  loaded ??= catalogueSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return loaded
}

/** @throws ProbarError usage when the catalogue has no such rule */
export function rule(id: string): Rule {
  const { rules } = loadCatalogue()
  return rules.find((one) => one.id === id) ?? unknown(id, rules)
}

/** The erratum with this id, such as ERR-06. @throws ProbarError usage when the catalogue has no such erratum */
export function errata(id: string): Erratum {
  const { errata: all } = loadCatalogue()
  return all.find((one) => one.id === id) ?? unknown(id, all)
}

function unknown(id: string, known: readonly { readonly id: string }[]): never {
  const family = known.filter((one) => one.id.split('-', 1)[0] === id.toUpperCase().split('-', 1)[0])
  const [first, last] = [family[0], family.at(-1)]
  const families = [...new Set(known.map((one) => one.id.split('-', 1)[0]))].join(', ')
  const range = first === undefined ? `ids begin with ${families}` : `the family goes from ${first.id} to ${last?.id}`
  throw new ProbarError('usage', `the catalogue has no ${id}: ${range}; probar rules lists them`)
}
