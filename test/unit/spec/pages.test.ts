import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { type Catalogue, loadCatalogue } from '../../../src/spec/catalogue.ts'
import { type RuleRow, rulesTable } from '../../../src/spec/rules-table.ts'
import { type Uncovered, loadUncovered } from '../../../src/spec/uncovered.ts'
import { allCases } from '../../../src/suite/all-cases.ts'

interface Parts {
  readonly catalogue: Catalogue
  readonly table: readonly RuleRow[]
  readonly uncovered: Uncovered
  readonly titles: ReadonlyMap<string, string>
}

const folder = new URL('../../../docs/rules/', import.meta.url)
const { pages } = (await import(new URL('pages.mjs', folder).href)) as {
  pages: (parts: Parts) => Promise<Record<string, string>>
}
const catalogue = loadCatalogue()
const texts = await pages({
  catalogue,
  table: rulesTable(allCases),
  uncovered: loadUncovered(),
  titles: new Map(allCases.map(({ id, title }) => [id, title])),
})

describe('docs/rules', () => {
  it.each(Object.entries(texts))('has %s as `npm run rules` writes it', (name, text) => {
    expect(readFileSync(new URL(name, folder), 'utf8')).toBe(text)
  })

  it('has no page of a family that is gone', () => {
    expect(readdirSync(folder).filter((name) => name.endsWith('.md') && texts[name] === undefined)).toEqual([])
  })

  it('has every rule and erratum once, in the page of its family', () => {
    for (const { id } of [...catalogue.rules, ...catalogue.errata]) {
      const page = texts[`${id.slice(0, 3).toLowerCase()}.md`] ?? ''
      expect(page.split(`## ${id}\n`).length).toBe(2)
    }
  })

  it('links only to headings that exist', () => {
    const links = Object.values(texts).flatMap((text) => [...text.matchAll(/\]\(([a-z]+\.md)#([a-z]+-\d+)\)/g)])
    expect(links.length).toBeGreaterThan(20)
    for (const [, page = '', anchor = ''] of links) expect(texts[page]).toContain(`## ${anchor.toUpperCase()}\n`)
  })
})
