import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { recordJsonSchema } from '../../../src/record/json-schema.ts'

it('is published as docs/schema/probar-run-1.schema.json; node docs/schema/write.mjs writes it', () => {
  const published: unknown = JSON.parse(
    readFileSync(new URL('../../../docs/schema/probar-run-1.schema.json', import.meta.url), 'utf8'),
  )
  expect(published).toEqual(recordJsonSchema())
})
