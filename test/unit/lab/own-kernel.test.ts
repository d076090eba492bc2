import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { BuildLog } from '../../../src/lab/kernel/build-log.ts'
import { checkTaken, optionsOf } from '../../../src/lab/kernel/kernel-config.ts'
import { ownKernel } from '../../../src/lab/kernel/own.ts'
import { mirrorOf } from '../../../src/lab/kernel/source.ts'
import { OWN_KERNEL_TOOLS, findTools, missingPackages } from '../../../src/lab/tools.ts'

const CONFIG = 'CONFIG_VFIO=y\nCONFIG_SWAP=n\n'
const onPosix = process.platform === 'win32' ? describe.skip : describe

/** Scripts that stand for apt, dpkg, tar, make and strip; each writes its words into `calls`. */
const SCRIPTS = {
  'apt-get':
    'case "$*" in *indextargets*) echo "http://mirror/debian/ bookworm";; *download*) : > linux-source-6.12_1_all.deb;; esac',
  'apt-cache': 'printf "Package: linux-source-6.12\\nVersion: 6.12.9-1~bpo\\n"',
  'dpkg-deb': 'mkdir -p "$3/usr/src"',
  tar: 'while [ "$1" != -C ]; do shift; done; : > "$2/Makefile"',
  make: 'case "$*" in *allnoconfig*) cp probar.config .config;; *) echo "  CC  init/main.o"; echo elf > vmlinux;; esac',
  strip: 'cp "$4" "$3"',
}

onPosix("the bench's own kernel", () => {
  let folder = ''
  const said: string[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'own kernel '))
    said.length = 0
    await mkdir(join(folder, 'bin'))
    for (const [name, script] of Object.entries(SCRIPTS)) await program(name, script)
  })
  afterEach(() => rm(folder, { recursive: true }))

  const program = async (name: string, script: string): Promise<void> => {
    const path = join(folder, 'bin', name)
    await writeFile(path, `#!/bin/sh\necho "${name} $*" >> "${join(folder, 'calls')}"\n${script}\n`)
    await chmod(path, 0o755)
  }
  const build = (config = CONFIG, more: { refresh?: boolean; signal?: AbortSignal } = {}): Promise<string> =>
    ownKernel({
      cache: { folder: join(folder, 'cache'), pid: process.pid },
      clock: systemClock,
      config,
      env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` },
      tools: async () =>
        Object.fromEntries(OWN_KERNEL_TOOLS.map((tool) => [tool, join(folder, 'bin', tool)])) as Awaited<
          ReturnType<typeof findTools<(typeof OWN_KERNEL_TOOLS)[number]>>
        >,
      log: (text) => void said.push(text),
      ...more,
    })
  const calls = async (): Promise<string> => readFile(join(folder, 'calls'), 'utf8')
  const cached = async (): Promise<readonly string[]> => readdir(join(folder, 'cache'))

  it('is built from the source that backports have, kept under configuration and version, and nothing else stays', async () => {
    const path = await build()
    expect(path).toMatch(/cache\/own-[0-9a-f]{12}-6\.12\.9-1_bpo\/vmlinux$/)
    expect(await readFile(path, 'utf8')).toBe('elf\n')
    expect(await cached()).toHaveLength(1)
    expect(await readdir(join(path, '..'))).toEqual(['vmlinux'])
    expect(said.join('\n')).toMatch(/150 MB[^]*minutes/)
  })

  it('is asked for by an apt configuration of its own', async () => {
    await build()
    for (const line of (await calls()).split('\n').filter((call) => /^apt.*(update|download|show)/.test(call))) {
      expect(line).toMatch(/Dir::Etc::SourceList=.*Dir::Etc::SourceParts=\/dev\/null.*Dir::State::Lists=/)
    }
    expect(await calls()).toMatch(/apt-get .*update\n/)
  })

  it('is built once, and again for another configuration', async () => {
    const first = await build()
    await writeFile(join(folder, 'calls'), '')
    expect(await build()).toBe(first)
    expect(await calls()).toBe('')
    expect(await build(`${CONFIG}CONFIG_NET=y\n`)).not.toBe(first)
  })

  it('is looked for anew on request, and not built again when the source is the same', async () => {
    const first = await build()
    await writeFile(join(folder, 'calls'), '')
    expect(await build(CONFIG, { refresh: true })).toBe(first)
    expect(await calls()).toMatch(/apt-cache/)
    expect(await calls()).not.toMatch(/^make/m)
  })

  it('that fails to build leaves its log and nothing else, and shows the end of it', async () => {
    await program('make', 'echo "init/main.c:1: error: no" >&2; exit 2')
    await expect(build()).rejects.toMatchObject({
      code: 'lab-boot-failed',
      message: expect.stringMatching(/was not built; .*own-kernel-\d+\.log[^]*init\/main\.c:1: error: no/),
    })
    const [log = '', ...others] = await cached()
    expect(others).toEqual([])
    expect(await readFile(join(folder, 'cache', log), 'utf8')).toContain('error: no')
  })

  it('that was interrupted leaves nothing', async () => {
    await program('make', 'echo building; exec sleep 60')
    const controller = new AbortController()
    const building = build(CONFIG, { signal: controller.signal })
    const started = async (): Promise<boolean> => (await calls().catch(() => '')).includes('make ')
    while (!(await started())) await new Promise((resolve) => setTimeout(resolve, 5))
    controller.abort()
    await expect(building).rejects.toMatchObject({ code: 'cancelled' })
    expect(await cached()).toEqual([])
  })

  it('is no kernel when the source does not take what was asked for', async () => {
    await program('make', ': > .config')
    await expect(build()).rejects.toThrow(/CONFIG_VFIO=y/)
  })

  it('needs packages that are named with the command that brings them, headers among them', async () => {
    const present = await missingPackages(['gelf.h'], '')
    await expect(findTools(OWN_KERNEL_TOOLS, '')).rejects.toMatchObject({
      code: 'lab-tool-missing',
      message: expect.stringMatching(/flex, bison.*apt-get install .*bc binutils bison .*flex/),
    })
    expect([[], ['libelf-dev']]).toContainEqual(present)
  })
})

describe('a kernel configuration', () => {
  it('is read without comments and what is not set', () => {
    const text = '# CONFIG_A is not set\nCONFIG_B=y\n  CONFIG_C="a b"\n\n# CONFIG_D=y\n'
    expect([...optionsOf(text)]).toEqual([
      ['CONFIG_B', 'y'],
      ['CONFIG_C', '"a b"'],
    ])
  })

  it.each([
    ['CONFIG_A=y', 'CONFIG_A=y', true],
    ['CONFIG_A=y', '# CONFIG_A is not set', false],
    ['CONFIG_A=n', '# CONFIG_A is not set', true],
    ['CONFIG_A=n', 'CONFIG_A=y', false],
    ['CONFIG_A=8', 'CONFIG_A=64', false],
  ])('that asks for %s and becomes %s is taken: %s', (asked, became, taken) => {
    const check = (): void => checkTaken(asked, became)
    if (taken) expect(check).not.toThrow()
    else expect(check).toThrow(expect.objectContaining({ code: 'lab-boot-failed' }))
  })

  it("of the bench's own kernel asks for each option once", async () => {
    const text = await readFile(new URL('../../../lab/kernel/own.config', import.meta.url), 'utf8')
    const lines = text.split('\n').filter((line) => line.startsWith('CONFIG_'))
    expect([...optionsOf(text).keys()]).toHaveLength(lines.length)
    expect(lines).toEqual(
      expect.arrayContaining(['CONFIG_IOMMUFD=y', 'CONFIG_VFIO_NOIOMMU=y', 'CONFIG_VIRTIO_IOMMU=y']),
    )
  })
})

describe('the mirror', () => {
  it.each([
    ['http://a/security bookworm-security\nhttp://b/debian/ bookworm\n', 'http://b/debian'],
    ['http://b/debian trixie\n', 'http://deb.debian.org/debian'],
    ['', 'http://deb.debian.org/debian'],
  ])('of %j is %s', (targets, expected) => {
    expect(mirrorOf(targets, 'bookworm')).toBe(expected)
  })
})

onPosix('the log of a build', () => {
  it('keeps all in its file and the last lines at hand, and tells now and then how far it is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'build log '))
    try {
      const clock = new VirtualClock()
      const said: string[] = []
      const log = new BuildLog(join(folder, 'x.log'), clock, (text) => said.push(text))
      for (let step = 0; step < 100; step++) {
        await new Promise((resolve) => log.write(`  CC  file${step}.o\n`, resolve))
        await sleep(clock, 1000)
      }
      log.write('half a li')
      await new Promise<void>((resolve) => log.end(resolve))
      expect((await readFile(log.path, 'utf8')).split('\n')).toHaveLength(101)
      expect(log.tail).toMatch(/^ {2}CC {2}file75\.o[^]*file99\.o\nhalf a li$/)
      expect(said).toHaveLength(5)
      expect(said[1]).toBe('building the kernel, 0:40 min, 41 steps, last: CC  file40.o')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('outlives a file that cannot be written, and says so with the last lines', async () => {
    const log = new BuildLog('/nowhere/at/all.log', new VirtualClock(), () => undefined)
    await new Promise((resolve) => log.write('  CC  init/main.o\n', resolve))
    await new Promise<void>((resolve) => log.end(resolve))
    expect(log.tail).toMatch(/main\.o\n\(the log was not written to the end: ENOENT/)
  })
})
