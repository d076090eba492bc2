import { z } from 'zod'
import { runRecordSchema } from './schema.ts'

/** JSON Schema of `probar-run/1`, published as docs/schema/probar-run-1.schema.json. */
export function recordJsonSchema(): object {
  const schema = z.toJSONSchema(runRecordSchema, {
    io: 'input',
    target: 'draft-7',
    // "readOnly" in JSON Schema is about forms, not about types.
    override: ({ jsonSchema }) => delete jsonSchema.readOnly,
  })
  return { ...schema, title: 'Probar run record, version 1' }
}
