import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { exampleCase, exampleRecord } from '../unit/record/example.ts'
import { probar } from './probar.ts'

const schema = z.strictObject({
  runs: z.array(z.strictObject({ id: z.string(), startedAt: z.string(), backend: z.string(), device: z.string() })),
  counts: z.record(z.string(), z.number()),
  clauseCounts: z.record(z.string(), z.number()),
  unknown: z.array(z.string()),
  rules: z.array(z.looseObject({ id: z.string(), standing: z.string() })),
})

describe('probar rules --coverage', () => {
  let cwd = ''
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'probar-coverage-'))
    const onModel = exampleCase({ id: 'dma/one', rules: ['DMA-061'], witness: 'model' })
    const onDevice = exampleCase({ id: 'dma/one', rules: ['DMA-061', 'VER-012/0xB4'], witness: 'device' })
    const loopback = { id: 'first', backend: 'loopback' }
    writeFileSync(join(cwd, 'loopback.json'), JSON.stringify(exampleRecord([onModel], loopback)))
    writeFileSync(join(cwd, 'bench.json'), JSON.stringify(exampleRecord([onDevice], { id: 'second' })))
    writeFileSync(join(cwd, 'other.json'), '{"schema":"probar-run/9"}')
    writeFileSync(join(cwd, 'broken.json'), '{')
  })
  afterAll(() => rmSync(cwd, { recursive: true }))

  it('tells where a rule was proven, and by whom', async () => {
    const { status, stdout } = await probar(['rules', 'DMA-061', '--coverage', 'loopback.json', 'bench.json'], { cwd })
    expect(status).toBe(0)
    expect(stdout).toMatch(/^DMA-061 {2}\S+ {2}proven\n/)
    expect(stdout).toContain('proven by device: vfio:0000:01:00.0 (vfio), run second\n')
    expect(stdout).toContain('passed, but seen by a model only: vfio:0000:01:00.0 (loopback), run first\n')
  })

  it('leaves a rule marked H open when a model alone saw it', async () => {
    const { stdout } = await probar(['rules', 'DMA-061', '--coverage', 'loopback.json'], { cwd })
    expect(stdout).toMatch(/^DMA-061 {2}\S+ {2}open\n/)
  })

  it('counts rules and clauses by standing, each reason apart', async () => {
    const { stdout } = await probar(['rules', '--coverage', 'bench.json'], { cwd })
    const reasons = 'without a case: \\d+ windows-only, \\d+ not-falsifiable-here, \\d+ supporting'
    expect(stdout).toMatch(new RegExp(`^\\d+ rules in 1 run: 1 proven, 0 broken, \\d+ open; ${reasons}$`, 'm'))
    expect(stdout).toMatch(
      new RegExp(`^\\d+ clauses of compound rules: 1 proven, 0 broken, \\d+ open; ${reasons}$`, 'm'),
    )
  })

  it('has all of it as JSON', async () => {
    const { stdout } = await probar(['rules', '--coverage', 'loopback.json', 'bench.json', '--json'], { cwd })
    const { runs, counts, rules } = schema.parse(JSON.parse(stdout))
    expect(runs.map(({ id }) => id)).toEqual(['first', 'second'])
    expect(counts['proven']).toBe(1)
    expect(rules.find(({ id }) => id === 'DMA-061')).toMatchObject({
      standing: 'proven',
      seen: [
        { run: 'first', proves: false },
        { run: 'second', proves: true, witness: 'device', backend: 'vfio' },
      ],
    })
  })

  it.each([
    ['no record', [], 'error usage: --coverage needs run records'],
    ['a file that is not there', ['none.json'], 'error record-invalid: .*none.json: cannot be read'],
    ['a folder', ['.'], 'error record-invalid: .*cannot be read'],
    ['what is not JSON', ['broken.json'], 'error record-invalid: .*broken.json: not JSON'],
    ['a record of another schema', ['other.json'], 'error record-invalid: .*its schema is "probar-run/9"'],
    ['a bad file behind a good one', ['bench.json', 'other.json'], 'error record-invalid: .*other.json'],
    ['one run twice', ['bench.json', 'bench.json'], 'error usage: bench.json is the run second again'],
  ])('refuses %s', async (_, files, text) => {
    const { status, stdout, stderr } = await probar(['rules', '--coverage', ...files], { cwd })
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(new RegExp(`^${text}`))
  })

  it('refuses a rule that does not exist', async () => {
    const { status, stderr } = await probar(['rules', 'MDL-999', '--coverage', 'bench.json'], { cwd })
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error usage: the catalogue has no MDL-999/)
  })

  it.each([
    ['VER-007/0xFF', 'VER-007 has no clause 0xFF: it has 0x0E, '],
    ['DMA-025/1', 'DMA-025 has no clause 1: it has none'],
    ['MDL-999/1', 'the catalogue has no MDL-999'],
  ])('refuses the clause %s, with a run and without', async (id, text) => {
    for (const run of [[], ['--coverage', 'bench.json']]) {
      const { status, stdout, stderr } = await probar(['rules', id, ...run], { cwd })
      expect([status, stdout]).toEqual([2, ''])
      expect(stderr).toContain(text)
    }
    expect((await probar(['rules', 'ver-007/0x0e'])).status).toBe(0)
  })
})
