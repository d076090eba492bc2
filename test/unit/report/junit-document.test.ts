import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { XmlDocument, type XmlElement, XsdValidator } from 'libxml2-wasm'
import { completeRecord } from '../../../src/record/outcome.ts'
import { type CaseRecord, verdicts } from '../../../src/record/schema.ts'
import { junitDocument } from '../../../src/report/junit-document.ts'
import { exampleCase, exampleHead, exampleRecord, exampleSkip } from '../record/example.ts'

const schema = XsdValidator.fromDoc(XmlDocument.fromString(readFileSync(new URL('junit.xsd', import.meta.url), 'utf8')))

/** Parsed and judged by libxml2. @throws when it is not well-formed, or not valid */
function parsed(xml: string): XmlElement {
  const document = XmlDocument.fromString(xml)
  schema.validate(document)
  return document.root
}

const found = (root: XmlElement, path: string): readonly XmlElement[] => root.find(path) as XmlElement[]
const attribute = (one: XmlElement | undefined, name: string): string | undefined => one?.attr(name)?.value
const numbers = (one: XmlElement | undefined, ...names: readonly string[]): readonly number[] =>
  names.map((name) => Number(attribute(one, name)))

/** The only outcome of a document with one case: its element, type, message and text. */
function outcome(one: CaseRecord): readonly (string | undefined)[] {
  const [element] = found(parsed(junitDocument(exampleRecord([one]))), '//testcase/*[not(self::system-out)]')
  return [element?.name, attribute(element, 'type'), attribute(element, 'message'), element?.content]
}

const evidence = { ops: [{ t: 0.5, op: 'dma.map', args: { length: 4096 }, result: '0x1000' }] }
const reason = { code: 'rule-broken', text: 'byte 0 is 0x22' }

describe('the outcome of a case in JUnit', () => {
  it('is nothing for a pass', () => {
    expect(outcome(exampleCase())).toEqual([undefined, undefined, undefined, undefined])
  })

  it.each([
    ['fail', 'failure', 'byte 0 is 0x22'],
    ['error', 'error', 'byte 0 is 0x22'],
    ['xpass', 'failure', 'passes in spite of the known issue: byte 0 is 0x22'],
    ['xfail', 'skipped', 'known issue: byte 0 is 0x22'],
  ] as const)('of %s is %s, with the reason again and the last operations', (verdict, element, message) => {
    const [name, type, told, text] = outcome(exampleCase({ verdict, reason, evidence }))
    expect([name, type, told]).toEqual([element, 'rule-broken', message])
    expect(text).toBe(`${message}\nwhat it did\n0.5 ms  dma.map length=4096 → 0x1000`)
  })

  it('of a skip is skipped, with the code', () => {
    const [name, type, told] = outcome(exampleSkip('no-dma-engine'))
    expect([name, type, told]).toEqual(['skipped', 'no-dma-engine', 'no-dma-engine: no no-dma-engine here'])
  })
})

describe('a case in JUnit', () => {
  it.each(verdicts)('of verdict %s says verdict, witness and rules', (verdict) => {
    const [out] = found(parsed(junitDocument(exampleRecord([exampleCase({ verdict })]))), '//system-out')
    expect(out?.content).toBe(`verdict: ${verdict}\nwitness: device\nrules: MDL-001`)
  })

  it('that passed at a later attempt says so, and what it measured', () => {
    const one = exampleCase({
      reason: { code: 'retried', text: 'passed at attempt 2' },
      measurements: [{ name: 'round trip', unit: 'µs', value: 12.5 }],
    })
    const [out] = found(parsed(junitDocument(exampleRecord([one]))), '//system-out')
    expect(out?.content).toMatch(/\nretried: passed at attempt 2\nround trip: 12.5 µs$/)
  })

  it('is named as --case takes it, below its suite, with its seconds', () => {
    const root = parsed(junitDocument(exampleRecord([exampleCase({ id: 'dma/put', suite: 'dma', durationMs: 1234 })])))
    const [one] = found(root, '/testsuites/testsuite[@name="dma"]/testcase')
    expect([attribute(one, 'classname'), attribute(one, 'name'), attribute(one, 'time')]).toEqual([
      'probar.dma',
      'dma/put',
      '1.234',
    ])
  })
})

describe('a run in JUnit', () => {
  it('has what it can be repeated with in each suite', () => {
    const cases = [exampleCase(), exampleCase({ id: 'dma/example', suite: 'dma' })]
    const root = parsed(junitDocument(exampleRecord(cases)))
    for (const suite of ['mdl', 'dma']) {
      const named = found(root, `//testsuite[@name="${suite}"]/properties/property`)
      const values = Object.fromEntries(named.map((one) => [attribute(one, 'name'), attribute(one, 'value')]))
      expect(values).toMatchObject({ device: 'vfio:0000:01:00.0', backend: 'vfio', seed: '0x2a', profile: 'qemu-edu' })
      expect(values).not.toHaveProperty('driver')
    }
  })

  it('has the time of its start in UTC, without a zone', () => {
    const [suite] = found(parsed(junitDocument(exampleRecord([exampleCase()]))), '//testsuite')
    expect(attribute(suite, 'timestamp')).toBe('2026-01-02T03:04:05')
  })

  it('without cases is valid', () => {
    const root = parsed(junitDocument(exampleRecord([])))
    expect([...numbers(root, 'tests', 'failures', 'errors'), found(root, '*').length]).toEqual([0, 0, 0, 0])
  })

  it('counts as the record does, in whole and in each suite', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('mdl', 'dma', 'ks'), fc.constantFrom(...verdicts))), (drawn) => {
        const cases = drawn.map(([suite, verdict], index) => exampleCase({ id: `${suite}/${index}`, suite, verdict }))
        const root = parsed(junitDocument(completeRecord(exampleHead, cases)))
        const { pass, fail, skip, xfail, xpass, error } = completeRecord(exampleHead, cases).summary
        const suites = found(root, 'testsuite')
        const sums = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
          suites.reduce((sum, suite) => sum + Number(attribute(suite, name)), 0),
        )
        expect(sums).toEqual([cases.length, fail + xpass, error, skip + xfail])
        expect(numbers(root, 'tests', 'failures', 'errors')).toEqual(sums.slice(0, 3))
        expect(found(root, '//testcase[not(failure or error or skipped)]').length).toBe(pass)
        for (const suite of suites) {
          const counted = ['testcase', 'testcase/failure', 'testcase/error', 'testcase/skipped']
          expect(numbers(suite, 'tests', 'failures', 'errors', 'skipped')).toEqual(
            counted.map((path) => found(suite, path).length),
          )
        }
      }),
    )
  })
})

describe('a run that did not come to its end in JUnit', () => {
  const ended = { code: 'interrupted', text: 'interrupted after 1 of 67 cases' }

  it('has an error beside what ended before', () => {
    const root = parsed(junitDocument(exampleRecord([exampleCase()]), ended))
    expect(numbers(root, 'tests', 'failures', 'errors')).toEqual([2, 0, 1])
    const [error] = found(root, '//testsuite[@name="probar"]/testcase[@name="run"]/error')
    expect([attribute(error, 'type'), attribute(error, 'message')]).toEqual([ended.code, ended.text])
    expect(found(root, '//testsuite[@name="mdl"]/testcase').length).toBe(1)
  })

  it('has nothing but the error when no device was reached', () => {
    const root = parsed(junitDocument(undefined, { code: 'device-busy', text: 'held by another run' }))
    expect(numbers(root, 'tests', 'failures', 'errors')).toEqual([1, 0, 1])
    expect(found(root, '//properties').length).toBe(0)
  })
})

describe('any text in JUnit', () => {
  /** What XML 1.0 can hold, character by character, by the ranges of its section 2.2. */
  const held = (text: string): string =>
    Array.from(text, (letter) => {
      const code = letter.codePointAt(0) ?? 0
      const allowed =
        code === 9 ||
        code === 10 ||
        code === 13 ||
        (code >= 0x20 && code < 0xd800) ||
        (code >= 0xe000 && code <= 0xfffd) ||
        code >= 0x10000
      return allowed ? letter : '\uFFFD'
    }).join('')

  const anyText = fc.string({
    unit: fc.oneof(
      fc.nat(0x1f).map((code) => String.fromCharCode(code)),
      fc.constantFrom(
        '<',
        '>',
        '&',
        '"',
        "'",
        ']]>',
        '&#0;',
        '<!--',
        '\r\n',
        '\uD800',
        '\uDC00',
        '\uFFFE',
        '\u0085',
        '😀',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
  })

  it('comes back as it was but for what XML cannot hold', () => {
    fc.assert(
      fc.property(anyText, anyText, (id, text) => {
        const one = exampleCase({ id, verdict: 'fail', rules: [text], reason: { code: text, text } })
        const root = parsed(junitDocument(exampleRecord([one])))
        const [testcase] = found(root, '//testcase')
        const [failure] = found(root, '//failure')
        const [out] = found(root, '//system-out')
        expect(attribute(testcase, 'name')).toBe(held(id))
        expect([attribute(failure, 'type'), attribute(failure, 'message')]).toEqual([held(text), held(text)])
        expect(out?.content).toBe(`verdict: fail\nwitness: device\nrules: ${held(text)}`)
      }),
      { numRuns: 1000 },
    )
  })
})
