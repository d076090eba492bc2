import { describe, expect, it } from '@jest/globals'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { systemClock, type Clock } from '../../../src/base/clock.ts'
import { runLab, type LabHost, type LabRequest } from '../../../src/lab/run.ts'
import { tinyElf } from './tiny-elf.ts'

/** What every guest below begins with: it finds the shared folder among QEMU's arguments, as lab/init finds it by its tag. */
const PREAMBLE = `#!/bin/sh
for argument; do
  case $argument in local,id=share,*) share=\${argument#*path=}; share=\${share%%,security_model*} ;; esac
done
share=$(printf %s "$share" | sed 's/,,/,/g')
. "$share/settings"
: > "$share/started"
`
/** The two descriptors that the guest's streams arrive on, and how a guest ends. */
const MARKS = 'printf %s "$LAB_END" >&5; printf %s "$LAB_END" >&6; exec sleep 60'

class Sink extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
    if (chunk.length > 0) this.emit('heard')
  }
}

/** A clock whose one timer expires when the test says so. */
class StoppedClock implements Clock {
  expire = (): void => undefined
  now(): number {
    return 0
  }
  setTimer(_ms: number, expire: () => void): Disposable {
    this.expire = expire
    return { [Symbol.dispose]: () => undefined }
  }
}

interface Bench {
  readonly request: LabRequest
  readonly host: LabHost
  readonly stdout: Sink
  readonly stderr: Sink
  readonly temporary: string
}

/** Runs a test on a bench whose QEMU is a shell script. */
async function withGuest(script: string, body: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lab run, '))
  try {
    for (const name of ['bin', 'lab', 'temporary', 'out']) await mkdir(join(folder, name))
    await writeFile(join(folder, 'bin/setpriv'), '#!/bin/sh\nshift 3\nexec "$@"\n', { mode: 0o755 })
    await writeFile(join(folder, 'bin/qemu-system-x86_64'), PREAMBLE + script, { mode: 0o755 })
    await writeFile(join(folder, 'bin/busybox'), tinyElf({}), { mode: 0o755 })
    await writeFile(join(folder, 'lab/init'), '')
    await writeFile(join(folder, 'kernel'), '')
    await body(benchIn(folder))
  } finally {
    await rm(folder, { recursive: true })
  }
}

function benchIn(folder: string): Bench {
  const [stdout, stderr] = [new Sink(), new Sink()]
  const temporary = join(folder, 'temporary')
  return {
    stdout,
    stderr,
    temporary,
    request: {
      command: ['true'],
      folder: '/',
      out: join(folder, 'out'),
      devices: [],
      passedThrough: [],
      bind: 'none',
      leave: [],
      iommu: 'none',
      kernel: { kind: 'file', path: join(folder, 'kernel') },
      accelerator: 'tcg',
      memoryMiB: 256,
      timeoutMs: 60_000,
      verbose: false,
    },
    host: {
      stdout,
      stderr,
      signal: new AbortController().signal,
      clock: systemClock,
      pid: process.pid,
      env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` },
      node: process.execPath,
      probarMain: '/m.js',
      parts: join(folder, 'lab'),
      cacheFolder: join(folder, 'cache'),
      temporaryFolder: temporary,
      endMark: 'END',
    },
  }
}
const onLinux = process.platform === 'linux' ? describe : describe.skip

onLinux('a run in the guest', () => {
  it("gives back COMMAND's status and keeps its two streams apart", async () => {
    await withGuest(`echo result >&5; echo trouble >&6; echo 7 > "$share/status"; ${MARKS}`, async (bench) => {
      expect(await runLab(bench.request, bench.host)).toMatchObject({ status: 7 })
      expect([bench.stdout.text, bench.stderr.text]).toEqual(['result\n', 'trouble\n'])
    })
  })

  it('leaves no file of its own behind', async () => {
    await withGuest(`echo 0 > "$share/status"; ${MARKS}`, async ({ request, host, temporary }) => {
      await runLab(request, host)
      expect([await readdir(temporary), await readdir(request.out)]).toEqual([[], []])
    })
  })

  it('fails with the end of the serial log when the guest ends without a status', async () => {
    await withGuest('echo Kernel panic >&4; echo no such device >&2; exit 1', async ({ request, host }) => {
      await expect(runLab(request, host)).rejects.toMatchObject({
        code: 'lab-boot-failed',
        message: expect.stringMatching(/status 1: no such device[^]*Kernel panic/),
      })
    })
  })

  it('does not take complete output for success when there is no status', async () => {
    await withGuest(MARKS, async ({ request, host }) => {
      await expect(runLab(request, host)).rejects.toMatchObject({ code: 'lab-boot-failed' })
    })
  })

  it('does not take a status for success when the output broke off', async () => {
    await withGuest('echo 0 > "$share/status"; printf %s "$LAB_END" >&5; exit 0', async ({ request, host }) => {
      await expect(runLab(request, host)).rejects.toMatchObject({ code: 'lab-boot-failed' })
    })
  })

  it('ends a guest that hangs and shows the end of its serial log', async () => {
    await withGuest('echo last words >&4; exec sleep 60', async ({ request, host, stderr }) => {
      const clock = new StoppedClock()
      stderr.once('heard', () => clock.expire())
      const running = runLab({ ...request, timeoutMs: 1500, verbose: true }, { ...host, clock })
      await expect(running).rejects.toMatchObject({
        code: 'lab-timeout',
        message: expect.stringMatching(/1\.5 s[^]*last words/),
      })
    })
  })

  it('ends a guest of which a processor hangs, and shows the end of its serial log', async () => {
    const hang = 'for s in 26 130; do echo "watchdog: BUG: soft lockup - CPU#1 stuck for ${s}s! [x:1]" >&4; done'
    await withGuest(`${hang}; exec sleep 60`, async ({ request, host }) => {
      await expect(runLab(request, host)).rejects.toMatchObject({
        code: 'lab-guest-stuck',
        message: expect.stringMatching(/processor 1 of the guest hung for 130 s[^]*CPU#1 stuck/),
      })
    })
  })

  it('lets a guest be whose processor was slow for half a minute', async () => {
    const slow = 'echo "watchdog: BUG: soft lockup - CPU#0 stuck for 45s! [x:1]" >&4'
    await withGuest(`${slow}; echo 0 > "$share/status"; ${MARKS}`, async ({ request, host }) => {
      expect(await runLab(request, host)).toMatchObject({ status: 0 })
    })
  })

  it('is ended by the time it is given, on the clock it is given', async () => {
    await withGuest('exec sleep 60', async ({ request, host }) => {
      const running = runLab({ ...request, timeoutMs: 86_400_000 }, { ...host, clock: new VirtualClock() })
      await expect(running).rejects.toMatchObject({ code: 'lab-timeout' })
    })
  })

  it('ends the guest when the user interrupts', async () => {
    await withGuest('echo $$ >&5; exec sleep 60', async ({ request, host, stdout, temporary }) => {
      const controller = new AbortController()
      const running = runLab(request, { ...host, signal: controller.signal })
      stdout.once('heard', () => controller.abort())
      await expect(running).rejects.toMatchObject({ code: 'cancelled' })
      expect(() => process.kill(Number(stdout.text), 0)).toThrow('ESRCH')
      expect(await readdir(temporary)).toEqual([])
    })
  })

  it.each([
    ['a kernel file that is not there', { kernel: { kind: 'file', path: '/no/kernel' } }, 'usage'],
    ['a device string that names no model', { passedThrough: ['=x'] }, 'usage'],
  ] as const)('refuses %s before it starts anything', async (_, changes, code) => {
    await withGuest('touch "$share/../ran"; exit 0', async ({ request, host, temporary }) => {
      await expect(runLab({ ...request, ...changes }, host)).rejects.toMatchObject({ code })
      expect(await readdir(temporary)).toEqual([])
    })
  })

  it('refuses a busybox that needs libraries, which the guest does not have', async () => {
    await withGuest('exit 0', async ({ request, host }) => {
      const [bin = ''] = host.env['PATH']?.split(':') ?? []
      await writeFile(join(bin, 'busybox'), tinyElf({}, [3]), { mode: 0o755 })
      await expect(runLab(request, host)).rejects.toMatchObject({
        code: 'lab-tool-missing',
        message: expect.stringContaining('busybox-static'),
      })
    })
  })
})
