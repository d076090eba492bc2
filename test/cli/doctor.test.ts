import { describe, expect, it } from '@jest/globals'
import { asText } from '../../src/cli/doctor/text.ts'
import type { Diagnosis } from '../../src/session/machine/diagnose.ts'
import { Sink, probar } from './probar.ts'

const DIAGNOSIS: Diagnosis = {
  ref: '0000:03:00.0',
  machine: [
    {
      check: 'kernel',
      title: 'Kernel',
      state: 'ok',
      found: 'Linux 6.1',
      why: 'It is needed.',
      mend: [],
      ways: ['vfio'],
    },
    {
      check: 'iommu',
      title: 'IOMMU',
      state: 'bad',
      found: 'firmware has one (table DMAR), but the kernel does not use it: boot with intel_iommu=on',
      why: 'It keeps the device from memory that is not meant for it, and shows what it does.',
      mend: [{ command: `sed ${'x'.repeat(90)}`, asRoot: true }],
      ways: ['vfio'],
    },
  ],
  device: [
    {
      check: 'reset',
      title: 'Reset',
      state: 'warn',
      found: 'none',
      why: 'So.',
      mend: [{ command: 'true', asRoot: false }],
      ways: ['vfio'],
    },
    { check: 'power', title: 'Power', state: 'unknown', found: 'not told', why: 'So.', mend: [], ways: ['vfio'] },
  ],
  backends: [],
  ready: false,
}

describe('the text of a diagnosis', () => {
  it('has for each line its state as a word, what was found, why it matters and the commands', () => {
    const text = asText(DIAGNOSIS, { columns: Number.POSITIVE_INFINITY, colours: false })
    expect(text).toContain('The machine\nok       Kernel: Linux 6.1\n         It is needed.\n')
    expect(text).toContain('\n\n0000:03:00.0\nwarn     Reset: none\n         So.\n         do: true\n')
    expect(text).toContain('unknown  Power: not told\n')
    expect(text).toContain('         as root: sed x')
    expect(text).toMatch(/\n\nNot ready: 1 bad \(1 warning, 1 unknown\)\n$/)
  })

  it('stays within the columns, but for commands, which are for copying', () => {
    const lines = asText(DIAGNOSIS, { columns: 60, colours: false }).split('\n')
    expect(lines.filter((line) => line.length > 60)).toEqual([expect.stringContaining('as root: sed x')])
  })

  it('has colours only where they are wanted', () => {
    expect(asText(DIAGNOSIS, { columns: 80, colours: true })).toContain('\u001b[31mbad')
    expect(asText(DIAGNOSIS, { columns: 80, colours: false })).not.toContain('\u001b')
  })

  it('names the back ends that work', () => {
    const ready = { ...DIAGNOSIS, machine: [], device: [], backends: ['vfio', 'iommufd'], ready: true } as const
    const page = { columns: 80, colours: false }
    expect(asText(ready, page)).toMatch(/\nReady by vfio and iommufd\n$/)
  })
})

describe('probar doctor', () => {
  it('ends with 0 when the machine is ready, else with 3, and tells the same as JSON', async () => {
    const { stdout, status } = await probar(['doctor', '--json'])
    const told = JSON.parse(stdout) as Diagnosis
    expect(status).toBe(told.ready ? 0 : 3)
    expect(told.machine.some(({ state }) => state === 'bad')).toBe(!told.ready)
    expect(told.machine.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['kernel', 'iommu', 'vfio', 'memlock']),
    )
  })

  it('writes no colour where NO_COLOR is set', async () => {
    const plain = new Sink({ isTTY: true })
    await probar(['doctor'], { stdout: plain, env: { NO_COLOR: '1' } })
    expect(plain.text).not.toContain('\u001b')
    const coloured = new Sink({ isTTY: true })
    await probar(['doctor'], { stdout: coloured })
    expect(coloured.text).toContain('\u001b')
  })

  it.each([
    [['--device', '3:0'], 2, /^error reference-unknown: /],
    [['--device', 'loopback:edu'], 2, /^error usage: .*is a model/],
    [['--device', '0000:99:00.0'], 3, /^error device-absent: .*probar devices/],
  ])('%p ends with %i', async (words, status, message) => {
    expect(await probar(['doctor', ...words])).toMatchObject({
      status,
      stdout: '',
      stderr: expect.stringMatching(message),
    })
  })
})
