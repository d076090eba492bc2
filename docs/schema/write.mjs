// Writes the JSON Schemas beside this file from the built sources; run it after `npm run build`.
import { writeFileSync } from 'node:fs'
import { profileJsonSchema } from '../../dist/profile/json-schema.js'
import { recordJsonSchema } from '../../dist/record/json-schema.js'

const schemas = {
  'profile.schema.json': profileJsonSchema(),
  'probar-run-1.schema.json': recordJsonSchema(),
}

for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`)
}
