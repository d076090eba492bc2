import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { skipCodes } from '../../../src/record/skip-codes.ts'

const src = new URL('../../../src/', import.meta.url)
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('skip-codes.ts'))
  .map((name) => readFileSync(new URL(name, src), 'utf8'))

describe('the table of skip codes', () => {
  it.each(Object.keys(skipCodes))('has %s because some case can be skipped with it', (code) => {
    expect(sources.some((text) => text.includes(`'${code}'`))).toBe(true)
  })
})
