import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { errata, loadCatalogue, rule } from '../../../src/spec/catalogue.ts'
import { referencedIds } from '../../../src/spec/references.ts'

const { rules, errata: allErrata } = loadCatalogue()
const ids = [...rules, ...allErrata].map(({ id }) => id)
const readme = readFileSync(new URL('../../../spec/README.md', import.meta.url), 'utf8')

describe('the catalogue', () => {
  it('has as many rules and errata as its description says', () => {
    expect(readme).toContain(`${rules.length} rules`)
    expect(readme).toContain(`${allErrata.length} errata`)
  })

  it('gives each id once', () => {
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has rules whose family is the first part of the id', () => {
    expect(rules.filter(({ id, family }) => id.split('-')[0] !== family)).toEqual([])
  })

  it('mentions only rules and errata that exist', () => {
    const texts = [
      ...rules.map(({ id, text, sources }) => ({ id, text: [text, ...sources].join(' ') })),
      ...allErrata.map(({ id, where, problem, resolution }) => ({ id, text: [where, problem, resolution].join(' ') })),
    ]
    const dangling = texts.flatMap(({ id, text }) =>
      referencedIds(text)
        .filter((mentioned) => !ids.includes(mentioned))
        .map((mentioned) => `${id} mentions ${mentioned}`),
    )
    expect(dangling).toEqual([])
    expect(texts.flatMap(({ text }) => referencedIds(text)).length).toBeGreaterThan(50)
  })

  it('has every source alias, family and kind of evidence in its description', () => {
    const aliases = rules.flatMap(({ sources }) => sources).map((source) => /^(?:[A-Z]:|abi|inf)/.exec(source)?.[0])
    const words = [...aliases, ...rules.map(({ family }) => family), ...rules.map(({ evidence }) => evidence)]
    for (const word of new Set(words)) expect(readme).toContain(`| ${word} |`)
  })

  it('finds a rule and an erratum by id', () => {
    expect(rule('MDL-001').family).toBe('MDL')
    expect(errata('ERR-06').where).toContain('mmgetmdlpfnarray')
  })

  it.each([
    ['MDL-999', 'the family goes from MDL-001 to MDL-'],
    ['mdl-1', 'the family goes from MDL-001 to MDL-'],
    ['XYZ-001', 'ids begin with MDL, KSM, '],
  ])('says what there is instead of %s', (id, text) => {
    try {
      rule(id)
    } catch (error) {
      expect(codeOf(error)).toBe('usage')
      expect(String(error)).toContain(text)
      return
    }
    throw new Error('nothing was thrown')
  })
})

describe('mentions of rules in a text', () => {
  it.each([
    ['none here, not even in X-001 or MDL', []],
    ['as MDL-005 says (ERR-06)', ['MDL-005', 'ERR-06']],
    ['behind KSM-041/046: before', ['KSM-041', 'KSM-046']],
    ['from MDL-070 to MDL-076 on', ['MDL-070', 'MDL-076']],
    ['as VER-012/0xB4 says, and VER-004/0x0F/1', ['VER-012', 'VER-004']],
    ['WRT-034 to DMA-038', ['WRT-034', 'DMA-038']],
  ])('of %p are %p', (text, mentioned) => {
    expect(referencedIds(text)).toEqual(mentioned)
  })
})
