import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readPciNames } from '../../../src/host/linux/pci-ids-file.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'probar-ids-'))
  writeFileSync(join(folder, 'first'), '1234  The first list\n')
  writeFileSync(join(folder, 'second'), '1234  The second list\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

const vendor = (...places: readonly string[]): string | undefined =>
  readPciNames(places.map((place) => join(folder, place))).vendor(0x1234)

describe('the names of PCI ids', () => {
  it('come from the first list that is there', () => {
    expect(vendor('absent', 'first', 'second')).toBe('The first list')
  })

  it('pass over a folder of that name', () => {
    expect(vendor('.', 'second')).toBe('The second list')
  })

  it('are the built-in ones where there is no list', () => {
    expect(vendor('absent')).toBeUndefined()
    expect(readPciNames([join(folder, 'absent')]).className(0x060400)).toBe('PCI bridge')
  })
})
