import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'

const count = z.int().nonnegative()
const abiSchema = z.object({
  target: z.string(),
  headers: z.string(),
  types: z.record(
    z.string(),
    z.object({ size: count, align: count, fields: z.record(z.string(), z.object({ offset: count, size: count })) }),
  ),
})
const read = (file: string) =>
  abiSchema.parse(JSON.parse(readFileSync(new URL(`../../../spec/${file}`, import.meta.url), 'utf8')))

describe.each(['abi-x64.json', 'abi-x86.json'])('%s', (file) => {
  const { types } = read(file)

  it.each(Object.entries(types))('has %s with its fields inside it', (_, { size, align, fields }) => {
    expect(size % align).toBe(0)
    for (const field of Object.values(fields)) expect(field.offset + field.size).toBeLessThanOrEqual(size)
  })
})

it('has the same types for both targets, with 8-byte and 4-byte pointers', () => {
  const [x64, x86] = [read('abi-x64.json'), read('abi-x86.json')]
  expect(Object.keys(x64.types)).toEqual(Object.keys(x86.types))
  expect(x64.types['MDL']?.fields['Next']?.size).toBe(8)
  expect(x86.types['MDL']?.fields['Next']?.size).toBe(4)
})
