import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { completeRecord } from '../../../src/record/outcome.ts'
import { verdicts, witnesses, type CaseRecord } from '../../../src/record/schema.ts'
import { ConsoleReporter, type ConsoleOptions } from '../../../src/report/console.ts'
import { exampleCase, exampleHead, exampleSkip } from '../record/example.ts'
import { screen, Sink } from './sink.ts'

type Look = Omit<Partial<ConsoleOptions>, 'stream'>
const terminal = (columns: number): Look => ({ terminal: true, colours: true, columns: () => columns })

function opened(look: Look = {}) {
  const sink = new Sink()
  return { sink, reporter: new ConsoleReporter({ stream: sink, terminal: false, colours: false, ...look }) }
}

/** All that a whole run writes. */
function report(cases: readonly CaseRecord[], look: Look = {}): string {
  const { sink, reporter } = opened(look)
  reporter.start(exampleHead)
  for (const [index, one] of cases.entries()) {
    reporter.caseStarted(one.id, index, cases.length)
    reporter.caseDone(one)
  }
  reporter.done(completeRecord(exampleHead, cases))
  return sink.text
}

const operations = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ t: n, op: 'engine.write', args: { bus: `0x${n}000` }, result: 'done' }))
const failure = exampleCase({ id: 'mdl/wrong', verdict: 'fail', evidence: { ops: operations(12), dropped: 30 } })

describe('a console report', () => {
  it('begins with the device, the profile and the seed', () => {
    const [first] = report([]).split('\n')
    expect(first).toBe('Probar 0.1.0 on vfio:0000:01:00.0, profile qemu-edu, seed 0x2a')
  })

  it('says below that when the run has no addon, and why', () => {
    const { sink, reporter } = opened()
    reporter.start({ ...exampleHead, withoutAddon: 'probar.node is not there' })
    expect(sink.text.split('\n')[1]).toBe('without the native addon: probar.node is not there')
  })

  it('has one heading for the cases of a suite', () => {
    const text = report([
      exampleCase({ id: 'mdl/a' }),
      exampleCase({ id: 'mdl/b' }),
      exampleCase({ id: 'ks/c', suite: 'ks' }),
    ])
    expect(text.match(/^mdl$/gm)).toHaveLength(1)
    expect(text).toMatch(/^mdl\n {2}✓ a .*\n {2}✓ b .*\n\nks\n {2}✓ c /m)
  })

  it('shows witness and time of a case', () => {
    expect(report([exampleCase({ witness: 'kernel', durationMs: 1234 })])).toMatch(/✓ example +kernel +1\.2 s$/m)
  })

  it('shows why a case failed, its rules, and the last of its operations', () => {
    const text = report([failure])
    expect(text).toContain('✗ wrong')
    expect(text).toContain('assertion: the byte is wrong')
    expect(text).toContain('rules MDL-001')
    expect(text).toContain('its last 8 of 42 operations')
    expect(text.match(/engine\.write/g)).toHaveLength(8)
    expect(text).toContain('11.0 ms  engine.write bus=0x11000 → done')
  })

  it('shows no operations of a case that passed', () => {
    expect(report([exampleCase({ evidence: { ops: operations(3) } })])).not.toContain('engine.write')
  })

  it('shows that a pass took more than one attempt', () => {
    const reason = { code: 'retried', text: 'passed at attempt 2' }
    expect(report([exampleCase({ reason })])).toMatch(/✓ example .*\n {6}passed at attempt 2\n/)
  })

  it('ends with the ids in full of what is not in order', () => {
    const text = report([failure, exampleCase(), exampleCase({ id: 'mdl/broke', verdict: 'error' })])
    expect(text).toContain('not in order\n  mdl/wrong\n  mdl/broke\n')
  })

  it('counts each verdict that occurred', () => {
    const cases = verdicts.map((verdict) => exampleCase({ id: `mdl/${verdict}`, verdict, durationMs: 500 }))
    expect(report(cases)).toContain(
      '6 cases in 3.0 s: 1 passed, 1 failed, 1 skipped, 1 known to fail, 1 passed in spite of a known issue, 1 ended in error\n',
    )
    expect(report([exampleCase()])).toContain('1 case in 1 ms: 1 passed\n')
  })

  it('counts who witnessed the passes, and nothing but the passes', () => {
    const witnessed = witnesses.flatMap((witness) => [
      exampleCase({ id: witness, witness }),
      exampleCase({ id: `not/${witness}`, witness, verdict: 'fail' }),
    ])
    expect(report([...witnessed, exampleCase({ id: 'again', witness: 'device' })])).toContain(
      'of 4 passes: 2 device, 1 kernel, 1 model\n',
    )
  })

  it('groups skips by code with their text', () => {
    const skips = ['a', 'b'].map((id) => exampleSkip('no-io-bar', { id }))
    expect(report([...skips, exampleSkip('budget')])).toContain(
      'skipped\n  2 cases, no-io-bar: no no-io-bar here\n  1 case, budget: no budget here\n',
    )
  })

  it('counts rules that are proven, broken and open', () => {
    const skip = exampleSkip('budget', { rules: ['MDL-003', 'MDL-004'] })
    const text = report([exampleCase(), exampleCase({ rules: ['MDL-002'], verdict: 'fail' }), skip])
    expect(text).toContain('rules: 1 proven, 1 broken (MDL-002), 2 open\n')
  })

  it('says that nothing ran', () => {
    expect(report([])).toContain('no case ran\n')
  })

  it('lets no control character of the record through', () => {
    const hostile = 'x\u001b[2J\u0007\u009b31m'
    const reason = { code: hostile, text: hostile }
    const evidence = { ops: [{ t: 0, op: hostile, args: { [hostile]: hostile }, result: hostile }] }
    const text = report([
      exampleCase({ id: hostile, suite: hostile, verdict: 'fail', reason, evidence, rules: [hostile] }),
      exampleSkip(hostile),
    ])
    expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  })

  it('has colours only when it is told to', () => {
    expect(report([failure], { terminal: true, colours: false }).replaceAll('\u001b[2K', '')).not.toContain('\u001b')
    expect(report([failure], { terminal: false, colours: true })).toContain('\u001b[31m✗\u001b[39m')
  })
})

describe('the line about models', () => {
  const line = "Only Probar's own model answered: this shows Probar's code, not hardware."

  it('is there when nothing else answered, whatever was skipped', () => {
    expect(report([exampleCase({ witness: 'model' }), exampleSkip('budget')])).toContain(line)
  })

  it.each(['kernel', 'device'] as const)('is not there when the %s witnessed one case', (witness) => {
    expect(report([exampleCase({ witness: 'model' }), exampleCase({ id: 'b', witness })])).not.toContain(line)
  })

  it('is not there when no case ran', () => {
    expect(report([exampleSkip('budget')])).not.toContain(line)
  })
})

describe('the progress line', () => {
  it('shows the case that runs, and what failed so far', () => {
    const { sink, reporter } = opened(terminal(80))
    reporter.caseDone(failure)
    reporter.caseStarted('ks/next', 1, 12)
    expect(screen(sink.text).at(-1)).toBe('  2/12  ks/next  1 failure so far')
  })

  it('is written over by the next one', () => {
    const { sink, reporter } = opened(terminal(80))
    reporter.caseStarted('mdl/a', 0, 2)
    reporter.caseStarted('mdl/b', 1, 2)
    expect(screen(sink.text)).toEqual(['  2/2  mdl/b'])
  })

  it('is gone at the end of the run', () => {
    const shown = screen(report([exampleCase(), failure], terminal(80))).join('\n')
    expect(shown).not.toMatch(/\d\/2/)
    expect(`${shown}\n`).toBe(`${report([exampleCase(), failure])}\n`.replace('MDL-001), 0 open', 'MDL-001)'))
  })

  it('is gone after an abort, and aborting again writes nothing', () => {
    const { sink, reporter } = opened(terminal(80))
    reporter.caseStarted('mdl/a', 0, 2)
    reporter.abort()
    expect(screen(sink.text)).toEqual([''])
    const written = sink.text.length
    reporter.abort()
    expect(sink.text).toHaveLength(written)
  })

  it('is cut to the columns that the terminal has now', () => {
    let columns = 80
    const { sink, reporter } = opened({ terminal: true, columns: () => columns })
    const id = `mdl/${'x'.repeat(100)}`
    reporter.caseStarted(id, 0, 1)
    expect(screen(sink.text).at(-1)).toHaveLength(79)
    columns = 20
    reporter.caseStarted(id, 0, 1)
    expect(screen(sink.text).at(-1)).toBe('  1/1  mdl/xxxxxxx…')
  })

  it('is not there without a terminal', () => {
    const { sink, reporter } = opened()
    reporter.caseStarted('mdl/a', 0, 2)
    expect(sink.text).toBe('')
  })
})

describe('the width of a report', () => {
  const word = fc.string({ unit: fc.constantFrom(...'ab/-= '), minLength: 1, maxLength: 90 })
  const anyCase = fc
    .record({
      id: word,
      suite: word,
      verdict: fc.constantFrom(...verdicts),
      witness: fc.constantFrom(...witnesses),
      text: word,
    })
    .map(({ text, ...rest }) =>
      exampleCase({
        ...rest,
        rules: [text],
        reason: { code: text, text },
        evidence: { ops: [{ t: 1, op: text, args: { [text]: text } }] },
      }),
    )

  it('never exceeds the columns of a terminal', () => {
    fc.assert(
      fc.property(fc.array(anyCase, { maxLength: 4 }), fc.integer({ min: 24, max: 120 }), (cases, columns) => {
        for (const line of screen(report(cases, terminal(columns)))) expect(line.length).toBeLessThanOrEqual(columns)
      }),
      { numRuns: 60 },
    )
  })

  it('is not limited elsewhere, so that a line can be searched for', () => {
    const text = 'word '.repeat(60).trim()
    expect(report([exampleCase({ verdict: 'fail', reason: { code: 'c', text } })])).toContain(`      c: ${text}\n`)
  })
})
