#!/usr/bin/env node
// Loads next to nothing by itself, so that a process in which Probar cannot be loaded says so in words.
import { cannotStart } from './cannot-start.ts'

try {
  const { start } = await import('./start.ts')
  await start()
} catch (error) {
  const problem = cannotStart(error)
  if (problem === undefined) throw error
  process.stderr.write(`${problem.text}\n`)
  process.exitCode = problem.status
}
