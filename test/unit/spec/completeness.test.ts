import { expect, it } from '@jest/globals'
import { openParts, rulesTable } from '../../../src/spec/rules-table.ts'
import { allCases } from '../../../src/suite/all-cases.ts'

/** Families whose contracts are all there. */
const COMPLETE = ['MDL', 'DMA', 'VER', 'KSM', 'WRT']

const rows = rulesTable(allCases)

it.each(COMPLETE)('every core rule of %s marked L, A or H, and each of its clauses, has a case or a reason', (family) => {
  const due = rows.filter(({ id, core, marks }) => id.startsWith(`${family}-`) && core && marks.join('') !== 'W')
  expect(due.length).toBeGreaterThan(5)
  expect(due.flatMap(openParts)).toEqual([])
})
