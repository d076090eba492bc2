import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { parse } from 'yaml'

const text = readFileSync(new URL('../../examples/ci/self-hosted.yml', import.meta.url), 'utf8')

/** What GitHub's own parser has to say of a workflow. */
function complaints(content: string): readonly string[] {
  const { context } = parseWorkflow({ name: 'self-hosted.yml', content }, new NoOperationTraceWriter())
  return context.errors.getErrors().map(({ message }) => message)
}

interface Step {
  readonly name?: string
  readonly uses?: string
  readonly run?: string
  readonly if?: string
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: Readonly<Record<string, string>>
  readonly concurrency: Readonly<Record<string, unknown>>
  readonly jobs: Readonly<Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly Step[] }>>
}
const workflow = parse(text) as Workflow
const { steps = [], 'timeout-minutes': limit } = workflow.jobs['device'] ?? {}

describe('the workflow for a runner with a device', () => {
  it("is taken by GitHub's parser", () => {
    expect(complaints(text)).toEqual([])
  })

  it.each([
    ['a misspelt key', text.replace('concurrency:', 'concurency:'), /concurency/],
    ['a step that does nothing', text.replace('run: npm ci', 'nun: npm ci'), /nun/],
    ['an unknown permission', text.replace('contents: read', 'contnts: read'), /contnts/],
    ['an unknown context', text.replace('reports/', '${{ reports.all }}'), /reports/],
  ])('would not be with %s', (_, content, told) => {
    expect(complaints(content).join('\n')).toMatch(told)
  })

  it('asks the doctor before it runs anything', () => {
    const commands = steps.flatMap(({ run }) => (run?.includes('probar ') === true ? [run.trim()] : []))
    expect(commands.map((command) => /probar (\w+)/.exec(command)?.[1])).toEqual(['doctor', 'run'])
  })

  it('is started by nobody who may not push, and may read only', () => {
    expect(Object.keys(workflow.on).toSorted()).toEqual(['push', 'workflow_dispatch'])
    expect(workflow.permissions).toEqual({ contents: 'read' })
  })

  it('runs alone and not for ever, and is not cancelled by a newer one', () => {
    expect(workflow.concurrency).toMatchObject({ 'cancel-in-progress': false })
    expect(limit).toBeGreaterThan(0)
  })

  it('keeps the reports of a failed run too', () => {
    const [upload] = steps.filter(({ uses }) => uses?.startsWith('actions/upload-artifact@') === true)
    expect(upload?.if).toBe('always()')
  })

  it('names a version of every action', () => {
    const actions = steps.flatMap(({ uses }) => uses ?? [])
    expect(actions.length).toBeGreaterThan(0)
    for (const action of actions) expect(action).toMatch(/^actions\/[a-z-]+@v\d+$/)
  })

  it('gives the signals of a cancelled job to Probar', () => {
    const run = steps.find(({ name }) => name === 'Run')
    expect(run?.run).toMatch(/^exec probar run /)
  })
})
