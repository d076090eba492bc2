import { ProbarError } from '../base/errors.ts'
import { inconsistencies } from './consistency.ts'
import { explain } from './explain.ts'
import { profileJsonSchema } from './json-schema.ts'
import { spelled, type PlacedProblem } from './problem.ts'
import { profileSchema, type Profile } from './schema.ts'
import { readYaml, type YamlTree } from './yaml-tree.ts'

/**
 * @param file what messages call it
 * @throws ProbarError profile-invalid with a line for each problem: `file:line:column: key.path: what is wrong and
 *   what is allowed`
 */
export function parseProfile(text: string, file: string): Profile {
  const tree = readYaml(text)
  if (tree.syntaxErrors.length > 0) throw invalid(tree.syntaxErrors, file)
  const parsed = profileSchema.safeParse(tree.value)
  const problems = [...tree.problems, ...placed(valueProblems(tree, parsed), tree)]
  if (!parsed.success || problems.length > 0) throw invalid(problems, file)
  return parsed.data
}

function valueProblems(tree: YamlTree, parsed: ReturnType<typeof profileSchema.safeParse>) {
  const issues = parsed.success ? [] : parsed.error.issues
  const schema = profileJsonSchema()
  return [...issues.flatMap((issue) => explain(issue, tree.value, schema)), ...inconsistencies(tree.value)]
}

/** One complaint a value: what the reader of the file found about it is the cause of what the schema finds. */
function placed(problems: ReturnType<typeof valueProblems>, tree: YamlTree): readonly PlacedProblem[] {
  const known = new Set(tree.problems.map(({ path }) => spelled(path)))
  return problems
    .filter(({ path }) => !known.has(spelled(path)))
    .map((problem) => ({ ...problem, ...tree.position(problem.path, problem.atKey) }))
}

function invalid(problems: readonly PlacedProblem[], file: string): ProbarError {
  const lines = problems
    .toSorted((one, other) => one.line - other.line || one.column - other.column)
    .map(({ line, column, path, text }) => {
      const place = path.length === 0 ? '' : `${spelled(path)}: `
      return `${file}:${line}:${column}: ${place}${text}`
    })
  return new ProbarError('profile-invalid', lines.join('\n'))
}
