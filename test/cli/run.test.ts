import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseRecord } from '../../src/record/read.ts'
import { runRecordSchema } from '../../src/record/schema.ts'
import { allCases } from '../../src/suite/all-cases.ts'
import { packageVersion } from '../../src/cli/package.ts'
import { Sink, probar } from './probar.ts'

/** A quick part of the suite, with and without transfers. */
const QUICK = ['run', '--case', 'mdl/r*', '--case', 'dxgk/constant-register']
const WRONG_IDENT = ['run', '--device', 'loopback:edu?fault=ident-wrong', '--case', 'dxgk/constant-register']
const ESCAPE = '\u001B['

let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'probar run '))))
afterAll(() => rmSync(folder, { recursive: true }))

/** A profile of edu without what makes it move bytes. */
function profileWithoutEngine(): string {
  const [text = ''] = readFileSync(new URL('../../hw-profiles/qemu-edu.yaml', import.meta.url), 'utf8').split('\ndma:')
  const file = join(folder, 'no-engine.yaml')
  writeFileSync(
    file,
    `${text.replace('name: qemu-edu', 'name: no-engine').replace(/^# yaml.*\n/, '')}\ninterrupts: { msi: 1 }\nreset: { supported: true, keepsRegisters: true }\n`,
  )
  return file
}

describe('probar', () => {
  it.each([['--help'], ['run', '--help'], ['devices', '--help'], ['rules', '--help']])('%s helps', async (...words) => {
    const { status, stdout, stderr } = await probar(words)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toContain('Usage: probar')
  })

  it('tells the exit statuses in its help', async () => {
    const { stdout } = await probar(['--help'])
    for (const number of [0, 1, 2, 3, 4, 5, 130]) expect(stdout).toMatch(new RegExp(`^ +${number} `, 'm'))
  })

  it('tells its version', async () => {
    expect(await probar(['--version'])).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' })
  })

  it.each([
    ['an unknown command', ['fly'], 'fly'],
    ['an unknown option', ['run', '--warp'], '--warp'],
    ['an option without its value', ['run', '--device'], '--device'],
    ['a word too many', ['run', 'loopback:edu'], 'argument'],
  ])('takes %s for a usage error', async (_, words, told) => {
    const { status, stdout, stderr } = await probar(words)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(told)
  })
})

describe('probar run', () => {
  it('proves every case on the loopback, and says that only a model answered', async () => {
    const { status, stdout, stderr } = await probar(['run'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(`${allCases.length} cases`)
    expect(stdout).toMatch(/0 device, 0 kernel, \d+ model/)
    expect(stdout).toContain("Only Probar's own model answered")
  })

  it('ends with 1 when a rule is broken, and shows what was seen', async () => {
    const { status, stdout } = await probar(WRONG_IDENT)
    expect(status).toBe(1)
    expect(stdout).toMatch(/identification: expected 237, got 238/)
  })

  it('ends with 4 when Probar itself fails: here, to write what it found', async () => {
    const gone = mkdtempSync(join(tmpdir(), 'probar-gone-'))
    const stdout = new Sink({
      heard: (text) => (text.includes('✓') ? rmSync(gone, { recursive: true, force: true }) : undefined),
    })
    const { status, stderr } = await probar([...QUICK, '--reporter', `json=${gone}/run.json`], { stdout })
    expect(status).toBe(4)
    expect(stderr).toMatch(/error os-error: cannot write the report to .*run\.json/)
  })

  it('ends with 5 when something was skipped that should have run', async () => {
    const words = ['run', '--profile', profileWithoutEngine(), '--case', 'ks/*', '--case', 'dxgk/*']
    const { status, stdout } = await probar(words)
    expect(status).toBe(5)
    expect(stdout).toContain('no-dma-engine')
  })

  it('ends with 0 when such a skip was allowed', async () => {
    const words = ['run', '--profile', profileWithoutEngine(), '--case', 'ks/*', '--case', 'dxgk/*']
    const allowed = ['--allow-skip', 'no-dma-engine', '--allow-skip', 'no-interrupts']
    expect((await probar([...words, ...allowed])).status).toBe(0)
  })

  it('names the skips that nobody expected, and not those that were allowed', async () => {
    const words = ['run', '--profile', profileWithoutEngine(), '--allow-skip', 'no-interrupts']
    const { status, stderr } = await probar(words)
    expect(status).toBe(5)
    expect(stderr).toMatch(/^unexpected: \d+ cases skipped with no-dma-engine; .*--allow-skip no-dma-engine/m)
    expect(stderr).not.toMatch(/skipped with no-interrupts/)
  })

  it('says of an allowed code that it was not needed, and changes nothing for it', async () => {
    const { status, stderr } = await probar([...QUICK, '--allow-skip', 'not-revocable'])
    expect(status).toBe(0)
    expect(stderr).toMatch(/^--allow-skip not-revocable: no case of this run was skipped with it/)
  })

  it('ends with 5 when nothing was proven, whatever was allowed', async () => {
    const engineCases = allCases.filter(({ needs }) => needs?.includes('engine')).map(({ id }) => ['--case', id])
    const words = ['run', '--profile', profileWithoutEngine(), ...engineCases.flat()]
    expect((await probar([...words, '--allow-skip', 'no-dma-engine'])).status).toBe(5)
  })

  it('ends with 5 when its part of the cases has none', async () => {
    expect((await probar([...QUICK, '--shard', '90/90'])).status).toBe(5)
  })

  it('divides the cases into parts, each case into one', async () => {
    const parts = await Promise.all([1, 2, 3].map((part) => probar(['run', '--list', '--shard', `${part}/3`])))
    const ids = parts.flatMap(({ stdout }) => idsIn(stdout))
    expect(ids.toSorted()).toEqual(allCases.map(({ id }) => id).toSorted())
  })
})

const idsIn = (list: string): readonly string[] =>
  list
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(' ')[0] ?? '')

describe('probar run --list', () => {
  it('lists the cases with their rules and runs none', async () => {
    const { status, stdout } = await probar(['run', '--list', '--device', 'nonsense'])
    expect(status).toBe(0)
    expect(idsIn(stdout)).toEqual(allCases.map(({ id }) => id))
    for (const { rules } of allCases) expect(stdout).toContain(rules.join())
  })

  it.each([
    ['--suite', 'dxgk', (id: string) => id.startsWith('dxgk/')],
    ['--case', 'mdl/*null', (id: string) => /^mdl\/.*null$/.test(id)],
    ['--rule', 'DXM-024', (id: string) => allCases.find((one) => one.id === id)?.rules.includes('DXM-024') === true],
  ])('lists what %s %s lets through', async (option, value, lets) => {
    const { stdout } = await probar(['run', '--list', option, value])
    expect(idsIn(stdout).length).toBeGreaterThan(0)
    expect(idsIn(stdout)).toEqual(allCases.map(({ id }) => id).filter(lets))
  })
})

describe('what probar run does not take', () => {
  it.each([
    ['an unknown suite', ['--suite', 'warp'], /usage.*warp.*--list/],
    ['an unknown rule', ['--rule', 'NOPE-1'], /usage.*NOPE-1.*--list/],
    ['a case that there is not', ['--case', 'mdl/none*'], /usage.*mdl\/none\*.*--list/],
    ['an unknown reporter', ['--reporter', 'xml=f'], /usage.*xml=f.*console/],
    ['a reporter without its file', ['--reporter', 'json'], /usage.*json.*json=FILE/],
    ['JUnit on standard output', ['--reporter', 'junit=-'], /usage.*junit=-.*junit=FILE/],
    ['two reports in one file', ['--reporter', 'json=/f', '--reporter', 'junit=/f'], /usage.*\/f.*a file for each/],
    ['a report that nothing would fill', ['--list', '--reporter', 'json=-'], /usage.*--list/],
    ['an unknown device', ['--device', 'warp'], /reference-unknown.*warp.*probar devices/],
    ['an unknown model', ['--device', 'loopback:warp'], /reference-unknown.*loopback:edu/],
    ['an unknown fault', ['--device', 'loopback:edu?fault=warp'], /usage.*warp.*ident-wrong/],
    ['a back end of another device', ['--backend', 'vfio'], /usage.*loopback:edu.*vfio/],
    ['a back end without an IOMMU', ['--device', '01:00.0', '--backend', 'noiommu'], /usage.*--unsafe-noiommu/],
    ['… named by the reference', ['--device', 'noiommu:01:00.0'], /usage.*any memory.*--unsafe-noiommu/],
    ['its risk without it', ['--device', '01:00.0', '--unsafe-noiommu'], /usage.*--backend noiommu only/],
    ['a version of another interface', ['--device', 'iommufd:01:00.0', '--type1', 'v1'], /usage.*--backend vfio only/],
    ['a version of no interface', ['--type1', 'v1'], /usage.*--type1.*loopback:edu/],
    ['a version that there is not', ['--type1', 'v3'], /v3.*v1, v2/],
    ['an unknown profile', ['--profile', 'qemu-edo'], /profile-unknown.*qemu-edu/],
    ['a profile file that is not there', ['--profile', './none.yaml'], /profile-unknown.*none\.yaml/],
    ['an unknown back end', ['--backend', 'magic'], /magic.*vfio/],
    ['a seed that is negative', ['--seed', '-1'], /unsigned 64-bit/],
    ['a seed of 65 bits', ['--seed', '0x10000000000000000'], /unsigned 64-bit/],
    ['a seed that is no number', ['--seed', 'lucky'], /unsigned 64-bit/],
    ['a part that there is not', ['--shard', '3/2'], /1 <= i <= n/],
    ['a part 0', ['--shard', '0/2'], /1 <= i <= n/],
    ['half a part', ['--shard', '1'], /1 <= i <= n/],
    ['a negative number of attempts', ['--retry', '-1'], /whole number from 0/],
    ['no time at all', ['--timeout', '0'], /whole number from 1/],
    ['an unknown skip code', ['--allow-skip', 'lazy'], /lazy.*no-dma-engine.*witness-suppressed/],
    ['a skip code that is a word of JavaScript', ['--allow-skip', 'toString'], /no-dma-engine/],
  ])('%s', async (_, words, told) => {
    const { status, stdout, stderr } = await probar(['run', ...words])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.replaceAll('\n', ' ')).toMatch(told)
  })

  it('a file in no folder, before any case runs', async () => {
    const { status, stdout, stderr } = await probar([...QUICK, '--reporter', 'json=/nowhere/run.json'])
    expect([status, stdout.includes('✓')]).toEqual([2, false])
    expect(stderr).toMatch(/usage.*\/nowhere.*create it/)
  })

  it('a profile that is wrong, by file, line and key', async () => {
    const file = join(folder, 'wrong.yaml')
    writeFileSync(file, 'name: wrong\ntitle: Wrong\ncolour: red\n')
    const { status, stderr } = await probar(['run', '--profile', file])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error profile-invalid: [^]*wrong\.yaml:3:1: colour/)
  })

  it('a profile for another device', async () => {
    const file = join(folder, 'other.yaml')
    const text = readFileSync(profileWithoutEngine(), 'utf8').replace('0x11e8', '0x11e9')
    writeFileSync(file, text)
    const { status, stderr } = await probar(['run', '--profile', file])
    expect(status).toBe(2)
    expect(stderr).toMatch(/error profile-mismatch: .*0x1234:0x11e9.*0x1234:0x11e8.*choose/)
  })

  it('a device that is not there: the machine is not ready', async () => {
    const { status, stdout, stderr } = await probar(['run', '--device', '0000:ff:1f.7'])
    expect([status, stdout]).toEqual([3, ''])
    expect(stderr).toMatch(/error device-absent: .*0000:ff:1f\.7.*probar devices/)
  })
})

describe('the JSON of a run', () => {
  it('is a valid record of what ran, in a file below the current folder', async () => {
    const file = join(folder, 'run.json')
    const words = [...QUICK, '--seed', '0xffffffffffffffff', '--reporter', 'json=run.json']
    const { status, stdout } = await probar(words, { cwd: folder })
    expect(status).toBe(0)
    expect(stdout).toContain('cases in')
    const record = parseRecord(readFileSync(file, 'utf8'), file)
    expect(runRecordSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).success).toBe(true)
    expect(record).toMatchObject({
      seed: '0xffffffffffffffff',
      backend: 'loopback',
      profile: 'qemu-edu',
      device: { ref: 'loopback:edu', vendor: '0x1234', device: '0x11e8' },
    })
    expect(record.summary.pass).toBe(record.cases.length)
    expect(record.cases.every(({ witness }) => witness === 'model')).toBe(true)
  })

  it('has standard output for itself when it goes there', async () => {
    const { status, stdout, stderr } = await probar([...QUICK, '--reporter', 'json=-'])
    expect(status).toBe(0)
    expect(runRecordSchema.safeParse(JSON.parse(stdout)).success).toBe(true)
    expect(stderr).toContain('cases in')
  })

  it('is written also when a rule is broken, with what was done', async () => {
    const { status, stdout } = await probar([...WRONG_IDENT, '--reporter', 'json=-'])
    expect(status).toBe(1)
    const { cases } = parseRecord(stdout, '-')
    expect(cases).toMatchObject([{ verdict: 'fail', reason: { code: 'rule-broken' } }])
    expect(cases[0]?.evidence?.ops.length).toBeGreaterThan(0)
  })

  it.each([
    ['0x10', '0x10'],
    ['16', '0x10'],
    ['0', '0x0'],
    ['18446744073709551615', '0xffffffffffffffff'],
  ])('has the seed %s as %s', async (seed, written) => {
    const { stdout } = await probar(['run', '--case', 'dxgk/constant-register', '--seed', seed, '--reporter', 'json=-'])
    expect(parseRecord(stdout, '-').seed).toBe(written)
  })
})

describe('the JUnit of a run', () => {
  const inJunit = (text: string, element: string): number => text.split(`<${element}`).length - 1

  it('has the cases of the record, each with its outcome', async () => {
    const words = ['--reporter', 'json=both.json', '--reporter', 'junit=both.xml']
    const { status } = await probar(['run', '--profile', profileWithoutEngine(), ...words], { cwd: folder })
    expect(status).toBe(5)
    const { cases, summary } = parseRecord(readFileSync(join(folder, 'both.json'), 'utf8'), 'both.json')
    const xml = readFileSync(join(folder, 'both.xml'), 'utf8')
    expect(cases.filter(({ id }) => !xml.includes(`name="${id}"`))).toEqual([])
    expect(['testcase ', 'skipped ', 'failure '].map((name) => inJunit(xml, name))).toEqual([
      cases.length,
      summary.skip,
      summary.fail,
    ])
    expect(summary.skip).toBeGreaterThan(0)
  })

  it('has the failure of a broken rule', async () => {
    const { status } = await probar([...WRONG_IDENT, '--reporter', 'junit=broken.xml'], { cwd: folder })
    expect(status).toBe(1)
    expect(readFileSync(join(folder, 'broken.xml'), 'utf8')).toMatch(
      /<failure type="rule-broken" message="identification: expected 237, got 238">/,
    )
  })

  it('of an interrupted run is no good one', async () => {
    const abort = new AbortController()
    const stdout = new Sink({ heard: (text) => (text.includes('✓') ? abort.abort() : undefined) })
    const around = { stdout, signal: abort.signal, cwd: folder }
    const { status } = await probar(['run', '--reporter', 'junit=interrupted.xml'], around)
    expect(status).toBe(130)
    const xml = readFileSync(join(folder, 'interrupted.xml'), 'utf8')
    expect(xml).toMatch(/<error type="interrupted" message="interrupted after \d of \d+ cases">/)
    expect(inJunit(xml, 'testcase ')).toBeGreaterThan(1)
  })

  it('of a machine that is not ready says why', async () => {
    const words = ['run', '--device', '0000:ff:1f.7', '--reporter', 'junit=absent.xml']
    expect((await probar(words, { cwd: folder })).status).toBe(3)
    expect(readFileSync(join(folder, 'absent.xml'), 'utf8')).toMatch(/<error type="device-absent" message="no PCI/)
  })
})

describe('the console', () => {
  it('has neither colour nor movement where it is no terminal', async () => {
    const { stdout } = await probar(QUICK)
    expect(stdout.includes(ESCAPE) || stdout.includes('\r')).toBe(false)
  })

  it('has colour and a progress line on a terminal', async () => {
    const { stdout } = await probar(QUICK, { stdout: new Sink({ isTTY: true }) })
    expect(stdout).toContain(`${ESCAPE}1m`)
    expect(stdout).toContain('1/')
  })

  it.each([
    ['1', false],
    ['', true],
  ])('on a terminal with NO_COLOR=%j has colour: %s', async (value, coloured) => {
    const { stdout } = await probar(QUICK, { stdout: new Sink({ isTTY: true }), env: { NO_COLOR: value } })
    expect(stdout.includes(`${ESCAPE}1m`)).toBe(coloured)
  })

  it('looks at the terminal that it writes to when JSON has the other', async () => {
    const around = { stdout: new Sink({ isTTY: true }), stderr: new Sink() }
    const { stderr } = await probar([...QUICK, '--reporter', 'json=-'], around)
    expect(stderr).not.toContain(ESCAPE)
  })
})

describe('a run with a limit', () => {
  it('that tries again still fails what does not pass', async () => {
    const { status, stdout } = await probar([...WRONG_IDENT, '--retry', '2'])
    expect(status).toBe(1)
    expect(stdout).toContain('1 case in')
  })

  it('ends a case at its time limit and goes on', async () => {
    // The transfer of the model never ends, and its engine waits on the model's own clock: 5 s pass in no time.
    const words = ['run', '--device', 'loopback:edu?fault=dma-never-completes', '--timeout', '1', '--suite', 'ks']
    const { status, stdout } = await probar(words)
    expect(status).toBe(1)
    expect(stdout).toContain('timeout')
  })
})

describe('an interrupted run', () => {
  it('ends with 130 after the case in hand, says so, and writes no record', async () => {
    const abort = new AbortController()
    const file = join(folder, 'interrupted.json')
    const stdout = new Sink({ heard: (text) => (text.includes('✓') ? abort.abort() : undefined) })
    const { status, stderr } = await probar(['run', '--reporter', `json=${file}`], { stdout, signal: abort.signal })
    expect(status).toBe(130)
    expect(stderr).toMatch(new RegExp(`interrupted after \\d of ${allCases.length} cases; putting the device back`))
    expect(stdout.text).not.toContain('cases in')
    expect(existsSync(file)).toBe(false)
  })

  it('that was interrupted before its first case runs none', async () => {
    const { status, stderr } = await probar(QUICK, { signal: AbortSignal.abort() })
    expect(status).toBe(130)
    expect(stderr).toContain('interrupted after 0 of')
  })
})
