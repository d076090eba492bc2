import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { CommanderError } from 'commander'
import type { CliIo } from '../../src/cli/io.ts'
import { labCommand } from '../../src/cli/lab/lab.ts'

class Sink extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

interface Ended {
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
}

let cwd = ''
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'lab cli '))
})
afterAll(() => rm(cwd, { recursive: true }))

/** Runs `probar lab …` without any program in PATH, so that nothing is ever booted here. */
async function lab(words: readonly string[], changes: Partial<CliIo> = {}): Promise<Ended> {
  const [stdout, stderr] = [new Sink(), new Sink()]
  let status: number | undefined
  const { signal } = new AbortController()
  const io = {
    stdout,
    stderr,
    env: { PATH: '' },
    cwd,
    signal,
    exit: (last: number) => void (status = last),
    ...changes,
  }
  try {
    await labCommand(io).parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
  }
  return { status, stdout: stdout.text, stderr: stderr.text }
}

describe('probar lab', () => {
  it('shows its commands when asked for help', async () => {
    const { status, stdout } = await lab(['--help'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/run[^]*setup/)
  })

  it.each([
    ['no COMMAND', ['run'], 'command'],
    ['no COMMAND after --', ['run', '--'], 'command'],
    ['an unknown IOMMU', ['run', '--iommu', 'arm', '--', 'true'], 'intel48'],
    ['an unknown driver', ['run', '--bind', 'nvme', '--', 'true'], 'vfio'],
    ['an unknown accelerator', ['run', '--accel', 'xen', '--', 'true'], 'tcg'],
    ['a negative timeout', ['run', '--timeout', '-5', '--', 'true'], 'whole number of seconds'],
    ['a timeout of nothing', ['run', '--timeout', '0', '--', 'true'], 'whole number of seconds'],
    ['a timeout that is no number', ['run', '--timeout', '5m', '--', 'true'], 'whole number of seconds'],
    ['too little memory', ['run', '--memory', '64', '--', 'true'], 'MiB from 256'],
    ['an unknown option', ['run', '--device', 'edu', '--', 'true'], '--device'],
    ['an unknown command', ['fly'], 'fly'],
    ['a kernel that cannot be prepared', ['setup', '--kernel', './vmlinux'], 'stock'],
    ['an unknown profile', ['run', '--devices', 'qemu-edu,flux-capacitor', '--', 'true'], 'flux-capacitor'],
    ['a profile file that is not there', ['run', '--devices', './none.yaml', '--', 'true'], 'none.yaml'],
    ['an empty name of a profile', ['run', '--devices', '', '--', 'true'], 'profile'],
  ])('takes %s for a usage error', async (_, words, told) => {
    const { status, stdout, stderr } = await lab(words)
    expect(status).toBe(2)
    expect(stderr).toContain(told)
    expect(stdout).toBe('')
  })

  it('takes an output folder with files in it for a usage error', async () => {
    await writeFile(join(cwd, 'file'), '')
    const { status, stderr } = await lab(['run', '--devices', 'none', '--out', '.', '--', 'true'])
    expect([status, stderr]).toEqual([2, expect.stringContaining('not empty')])
  })

  it('takes a current folder that the guest cannot see for a usage error', async () => {
    const { status, stderr } = await lab(['run', '--devices', 'none', '--', 'true'], { cwd: '/proc/self' })
    expect([status, stderr]).toEqual([2, expect.stringContaining('/proc')])
  })

  it('names the packages when programs are missing', async () => {
    const { status, stderr } = await lab(['run', '--devices', 'none', '--', 'true'])
    expect(status).toBe(3)
    expect(stderr).toContain('apt-get install -y --no-install-recommends busybox-static qemu-system-x86')
    expect(stderr).toContain('lab-tool-missing')
  })

  it('prints where a run without --out puts its files', async () => {
    const { stderr } = await lab(['run', '--devices', 'none', '--', 'true'])
    const [name = ''] = /out\/lab-\w+/.exec(stderr) ?? []
    expect(await readdir(join(cwd, name))).toEqual([])
  })

  it('takes the output folder from the environment when no option names one', async () => {
    const env = { PATH: '', PROBAR_OUT: join(cwd, 'given') }
    expect((await lab(['run', '--devices', 'none', '--', 'true'], { env })).stderr).toMatch(/lab cli .*\/given\n/)
  })

  it('leaves the options after COMMAND to COMMAND, also without --', async () => {
    const { status, stderr } = await lab(['run', '--devices', 'none', 'node', '--nonsense'])
    expect([status, stderr]).toEqual([3, expect.not.stringContaining('--nonsense')])
  })

  it('says that setup has nothing to install from when there is no apt', async () => {
    const { status, stderr } = await lab(['setup'])
    expect([status, stderr]).toEqual([3, expect.stringContaining('there is no apt')])
  })
})
