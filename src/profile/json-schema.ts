import { z } from 'zod'
import type { Path } from './problem.ts'
import { profileSchema } from './schema.ts'

/** The part of JSON Schema that profiles use. */
export interface JsonSchema {
  readonly title?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema | readonly JsonSchema[]
}

/** JSON Schema of a profile as it is written, for editors: docs/schema/profile.schema.json. */
export function profileJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(profileSchema, {
    io: 'input',
    target: 'draft-7',
    // "readOnly" in JSON Schema is about forms, not about types.
    override: ({ jsonSchema }) => delete jsonSchema.readOnly,
  })
  return { ...(schema as JsonSchema), title: 'Probar hardware profile' }
}

/** The keys that the map at `path` may have; none when it may have any. */
export function knownKeys(schema: JsonSchema, path: Path): readonly string[] {
  const [step, ...rest] = path
  if (step === undefined) return Object.keys(schema.properties ?? {})
  const inner = typeof step === 'number' ? itemAt(schema, step) : valueAt(schema, step)
  return inner === undefined ? [] : knownKeys(inner, rest)
}

function itemAt({ items }: JsonSchema, index: number): JsonSchema | undefined {
  return isList(items) ? items[index] : items
}

function valueAt({ properties, additionalProperties }: JsonSchema, key: string): JsonSchema | undefined {
  const open = typeof additionalProperties === 'object' ? additionalProperties : undefined
  return properties?.[key] ?? open
}

const isList = (items: JsonSchema['items']): items is readonly JsonSchema[] => Array.isArray(items)
