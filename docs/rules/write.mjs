// Writes the pages of this folder from the catalogue and the built cases; `npm run rules` builds first.
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { loadCatalogue } from '../../dist/spec/catalogue.js'
import { rulesTable } from '../../dist/spec/rules-table.js'
import { loadUncovered } from '../../dist/spec/uncovered.js'
import { allCases } from '../../dist/suite/all-cases.js'
import { pages } from './pages.mjs'

const texts = await pages({
  catalogue: loadCatalogue(),
  table: rulesTable(allCases),
  uncovered: loadUncovered(),
  titles: new Map(allCases.map(({ id, title }) => [id, title])),
})
for (const name of readdirSync(import.meta.dirname)) {
  if (name.endsWith('.md') && !(name in texts)) rmSync(new URL(name, import.meta.url))
}
for (const [name, text] of Object.entries(texts)) writeFileSync(new URL(name, import.meta.url), text)
