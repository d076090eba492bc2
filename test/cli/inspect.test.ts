import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { probar } from './probar.ts'

const DUMPS = join(import.meta.dirname, '../unit/pci/dumps')
const dump = (name: string): string => join(DUMPS, `${name}.txt`)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'probar-inspect-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function saved(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** The edu device's dump, with two bytes of config space replaced. */
function altered(name: string, line: RegExp, replacement: string): string {
  const text = readFileSync(dump('edu'), 'utf8')
  expect(text).toMatch(line)
  return saved(name, text.replace(line, replacement))
}

describe('probar inspect on a saved dump', () => {
  it('shows header, BARs and capabilities', async () => {
    const { status, stdout, stderr } = await probar(['inspect', '--from', dump('nvme')])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^0000:02:00\.0 Non-Volatile memory controller \[010802\]: .*\[1b36:0010\] \(rev 02\)$/m)
    expect(stdout).toMatch(/^ {4}Control: I\/O\+ Mem\+ BusMaster[+-] /m)
    expect(stdout).toMatch(/^ {4}BAR 0: memory at 0x[0-9a-f]+, size not known, 64-bit$/m)
    expect(stdout).toMatch(/^ {4}Capability 0x80: PCI Express$/m)
    expect(stdout).toMatch(/^ {8}LnkSta: Speed 2\.5GT\/s, Width x1, /m)
    expect(stdout).not.toContain('Problem')
  })

  it('takes the UTF-16 that PowerShell makes of it, and a mark in front of UTF-8', async () => {
    const text = `\ufeff${readFileSync(dump('edu'), 'utf8')}`
    writeFileSync(join(folder, 'utf-16'), text, 'utf16le')
    for (const file of [saved('utf-8', text), join(folder, 'utf-16')]) {
      expect((await probar(['inspect', '--from', file])).stdout).toMatch(/^0000:01:00\.0 .*1234:11e8/)
    }
  })

  const both = (): string => saved('both', readFileSync(dump('edu'), 'utf8') + readFileSync(dump('intel-hda'), 'utf8'))

  it('shows all devices in it, with an empty line between', async () => {
    const { stdout } = await probar(['inspect', '--from', both()])
    expect(stdout.match(/^0000:0[14]:00\.0 /gm)).toEqual(['0000:01:00.0 ', '0000:04:00.0 '])
    expect(stdout).toContain('\n\n0000:04:00.0')
  })

  it.each(['04:00.0', '0000:04:00.0', 'vfio:0000:04:00.0'])('shows the one that %s names', async (ref) => {
    const { status, stdout } = await probar(['inspect', ref, '--from', both()])
    expect([status, stdout.match(/^0000:.*?\s/gm)]).toEqual([0, ['0000:04:00.0 ']])
  })

  it('gives an object for one device, and a list without REF', async () => {
    const one = JSON.parse((await probar(['inspect', '04:00.0', '--from', both(), '--json'])).stdout) as {
      device: string
    }
    expect(one.device).toBe('0000:04:00.0')
    const all = JSON.parse((await probar(['inspect', '--from', both(), '--json'])).stdout) as readonly {
      device: string
    }[]
    expect(all.map(({ device }) => device)).toEqual(['0000:01:00.0', '0000:04:00.0'])
  })

  it('has in JSON each register with its place, value, section and fields', async () => {
    const { stdout } = await probar(['inspect', '--from', dump('e1000e'), '--json'])
    const [device] = JSON.parse(stdout) as readonly [{ capabilities: readonly { name: string; registers: unknown }[] }]
    const msiX = device.capabilities.find(({ name }) => name === 'MSI-X')
    expect(msiX).toMatchObject({ offset: '0xa0', id: '0x11', extended: false, length: 12 })
    expect(msiX?.registers).toContainEqual({
      name: 'PBA',
      offset: '0xa8',
      value: '0x00002003',
      section: 'PCIe 7.7.2.4',
      fields: { BAR: 3, Offset: '0x2000' },
    })
  })

  it('reports a loop in the capabilities, and ends', async () => {
    const { status, stdout } = await probar(['inspect', '--from', altered('loop', /^40: 05 00/m, '40: 05 40')])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^ {4}Problem \(loop\): the pointer at 0x40 leads back to 0x40/m)
  })

  it('reports problems in JSON by kind and place', async () => {
    const file = altered('low', /^40: 05 00/m, '40: 05 20')
    const [{ problems }] = JSON.parse((await probar(['inspect', '--from', file, '--json'])).stdout) as [
      { problems: unknown },
    ]
    expect(problems).toEqual([{ kind: 'pointer-low', offset: '0x40', text: expect.stringContaining('0x20') }])
  })
})

describe('probar inspect on a model', () => {
  it('shows the config space that the model has', async () => {
    const { status, stdout } = await probar(['inspect', 'loopback:edu'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^loopback:edu Unclassified device \[00ff00\]: .*\[1234:11e8\] \(rev 10\)$/m)
    expect(stdout).toMatch(/^ {4}BAR 0: memory at 0xfea00000, 1 MiB, 32-bit$/m)
    expect(stdout).toMatch(/^ {8}MsgCtl: Enable-, Enabled 1, Count 1, 64bit\+ /m)
  })
})

describe('what probar inspect refuses', () => {
  it.each([
    ['neither device nor dump', [], 2, 'usage'],
    ['a malformed address', ['0000:01:20.0'], 2, 'reference-unknown'],
    ['a word that is no reference', ['edu'], 2, 'reference-unknown'],
    ['a model that there is not', ['loopback:unicorn'], 2, 'reference-unknown'],
    ['a function that is absent', ['ffff:ff:1f.7'], 3, 'device-absent'],
    ['a function that is not in the dump', ['00:00.0', '--from', dump('edu')], 3, 'device-absent'],
    ['a model in a dump', ['loopback:edu', '--from', dump('edu')], 2, 'usage'],
    ['a malformed address in a dump', ['01:00.9', '--from', dump('edu')], 2, 'reference-unknown'],
    ['a dump that is not there', ['--from', join(DUMPS, 'absent.txt')], 2, 'dump-invalid'],
    ['a folder as dump', ['--from', DUMPS], 2, 'dump-invalid'],
    ['a file without an end as dump', ['--from', '/dev/zero'], 2, 'dump-invalid'],
    ['a file that is no dump', ['--from', join(DUMPS, 'README.md')], 2, 'dump-invalid'],
  ])('%s', async (_, words, status, code) => {
    const ended = await probar(['inspect', ...words])
    expect([ended.status, ended.stdout]).toEqual([status, ''])
    expect(ended.stderr).toMatch(new RegExp(`^error ${code}: `))
  })

  it('keeps what a file holds from steering the terminal', async () => {
    const { stderr } = await probar(['inspect', '--from', saved('steering', '01:00.0\n00: \u001b]0;x\u0007\n')])
    expect(stderr).toMatch(/^error dump-invalid: .* line 2: '00: �\]0;x�' is no line of bytes/)
  })
})
