import { describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execute } from '../../../src/lab/execute.ts'
import { readStatus, writeGuestFolder } from '../../../src/lab/exchange/guest-folder.ts'
import { newest, prepared } from '../../../src/lab/kernel/cache.ts'
import { kernelPackage } from '../../../src/lab/kernel/stock.ts'
import { outFolder, visibleInGuest } from '../../../src/lab/out-folder.ts'
import { runFolder } from '../../../src/lab/run-folder.ts'
import { BOOT_TOOLS, findTools, missingPackages } from '../../../src/lab/tools.ts'

/** Runs a test in a folder of its own. */
const inFolder = (body: (folder: string) => Promise<void>) => async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'lab test '))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
/** The id of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '0']).pid
const program = async (path: string, text: string): Promise<void> => writeFile(path, text, { mode: 0o755 })
const onPosix = process.platform === 'win32' ? describe.skip : describe

describe('the cache', () => {
  it(
    'makes a thing once',
    inFolder(async (folder) => {
      let made = 0
      const make = async (at: string): Promise<void> => writeFile(join(at, 'x'), String(++made))
      const cache = { folder: join(folder, 'cache'), pid: process.pid }
      const paths = [await prepared(cache, 'thing', make), await prepared(cache, 'thing', make)]
      expect(new Set(paths).size).toBe(1)
      expect(await readFile(join(paths[0] ?? '', 'x'), 'utf8')).toBe('1')
    }),
  )

  it(
    'gives both what the first one finished when two prepare at once',
    inFolder(async (folder) => {
      const cache = { folder, pid: process.pid }
      const make = (text: string, before: Promise<unknown>) => async (at: string) => {
        await before
        await writeFile(join(at, 'x'), text)
      }
      const first = prepared(cache, 'thing', make('first', Promise.resolve()))
      const second = prepared(cache, 'thing', make('second', first))
      const found = await Promise.all([first, second])
      expect(new Set(found).size).toBe(1)
      expect(await readFile(join(folder, 'thing/x'), 'utf8')).toBe('first')
      expect(await readdir(folder)).toEqual(['thing'])
    }),
  )

  it(
    'keeps nothing of a preparation that failed',
    inFolder(async (folder) => {
      const fail = async (at: string): Promise<void> => {
        await writeFile(join(at, 'half'), '')
        throw new Error('no network')
      }
      await expect(prepared({ folder, pid: process.pid }, 'thing', fail)).rejects.toThrow('no network')
      expect(await readdir(folder)).toEqual([])
    }),
  )

  it(
    'removes what a killed preparation left, and leaves alone what a running one makes',
    inFolder(async (folder) => {
      const [dead, running] = [`.making-${deadPid()}-aaaaaa`, `.making-${process.ppid}-bbbbbb`]
      await mkdir(join(folder, dead))
      await mkdir(join(folder, running))
      await prepared({ folder, pid: process.pid }, 'thing', async () => undefined)
      expect((await readdir(folder)).toSorted()).toEqual([running, 'thing'])
    }),
  )

  it(
    'finds the newest of several, or none in a folder that is not there',
    inFolder(async (folder) => {
      const cache = { folder, pid: process.pid }
      expect(await newest({ ...cache, folder: join(folder, 'none') }, 'stock-')).toBeUndefined()
      await prepared(cache, 'other-1', async () => undefined)
      const made = await prepared(cache, 'stock-1', async () => undefined)
      expect(await newest(cache, 'stock-')).toBe(made)
    }),
  )
})

onPosix('looking for programs', () => {
  it('names all that are missing and the command that installs them', async () => {
    await expect(findTools(BOOT_TOOLS, '')).rejects.toMatchObject({
      code: 'lab-tool-missing',
      message: expect.stringMatching(
        /qemu-system-x86_64, busybox, setpriv.*apt-get install -y --no-install-recommends busybox-static qemu-system-x86 util-linux/,
      ),
    })
  })

  it(
    'takes the first folder of PATH in which the program can be run',
    inFolder(async (folder) => {
      await mkdir(join(folder, 'a'))
      await mkdir(join(folder, 'b'))
      await writeFile(join(folder, 'a/xz'), '')
      await program(join(folder, 'b/xz'), '')
      const path = `${join(folder, 'a')}:${join(folder, 'b')}`
      expect(await findTools(['xz'], path)).toEqual({ xz: join(folder, 'b/xz') })
      expect(await missingPackages(['xz', 'busybox'], path)).toEqual(['busybox-static'])
    }),
  )
})

onPosix('running a program', () => {
  const env = { PATH: '/usr/bin:/bin' }

  it('gives what it wrote', async () => {
    expect((await execute('/bin/cat', [], { env, input: Buffer.from('in') })).toString()).toBe('in')
  })

  it('fails with its complaint', async () => {
    const failing = execute('/bin/sh', ['-c', 'echo no space >&2; exit 3'], { env })
    await expect(failing).rejects.toThrow(/status 3: no space/)
  })

  it('is ended when the user interrupts', async () => {
    const controller = new AbortController()
    const running = execute('/bin/sh', ['-c', 'exec sleep 60'], { env, signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('does not begin when the user has interrupted already', async () => {
    const begun = execute('/no/such/program', [], { env, signal: AbortSignal.abort() })
    await expect(begun).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe("the kernel's package", () => {
  it('is read from what the meta package depends on', () => {
    const shown = 'Package: linux-image-amd64\nVersion: 6.1.192-2\nDepends: linux-image-6.1.0-56-amd64 (= 6.1.192-2)\n'
    expect(kernelPackage(shown)).toEqual({ name: 'linux-image-6.1.0-56-amd64', version: '6.1.192-2' })
  })

  it('is an error when apt names none', () => {
    expect(() => kernelPackage('Package: x\nDepends: libc6\n')).toThrow(
      expect.objectContaining({ code: 'lab-boot-failed' }),
    )
  })
})

onPosix('the output folder', () => {
  it(
    'is made with the folders above it',
    inFolder(async (folder) => {
      expect(await outFolder('a b/c', folder)).toMatch(/lab test .*\/a b\/c$/)
    }),
  )

  it(
    'is refused when it holds files, which would pass for results of this run',
    inFolder(async (folder) => {
      await writeFile(join(folder, 'run.json'), '{}')
      await expect(outFolder('.', folder)).rejects.toMatchObject({ code: 'usage' })
    }),
  )

  it(
    'is refused when it is a file',
    inFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '')
      await expect(outFolder('file', folder)).rejects.toMatchObject({ code: 'usage' })
    }),
  )

  it(
    'is a fresh one each time when none is named',
    inFolder(async (folder) => {
      const [one, two] = [await outFolder(undefined, folder), await outFolder(undefined, folder)]
      expect(one).not.toBe(two)
      expect(await readdir(one)).toEqual([])
    }),
  )

  it(
    'is followed through symbolic links, which lead elsewhere in the guest',
    inFolder(async (folder) => {
      await mkdir(join(folder, 'real'))
      await symlink(join(folder, 'real'), join(folder, 'link'))
      expect(await outFolder('link', folder)).toMatch(/\/real$/)
    }),
  )

  it.each(['/dev/shm/x', '/proc/1', '/sys'])('is refused at %s, which the guest has of its own', (path) => {
    expect(() => visibleInGuest(path)).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  it('may have a name that only begins like such a folder', () => {
    expect(visibleInGuest('/development')).toBe('/development')
  })
})

describe('the folder of a run', () => {
  it(
    'is fresh, and what a killed process left is removed',
    inFolder(async (folder) => {
      const [dead, running] = [`probar-lab-${deadPid()}-aaaaaa`, `probar-lab-${process.ppid}-bbbbbb`]
      for (const name of [dead, running, 'other']) await mkdir(join(folder, name))
      const made = await runFolder(folder, process.pid)
      expect(await readdir(made)).toEqual([])
      expect(await readdir(folder)).not.toContain(dead)
      expect(await readdir(folder)).toEqual(expect.arrayContaining([running, 'other']))
    }),
  )
})

onPosix('the folder shared with the guest', () => {
  const settings = {
    command: ['true'],
    folder: '/',
    out: '/out',
    bind: [],
    iommu: true,
    unsafeInterrupts: false,
    endMark: 'end',
    node: process.execPath,
    probarMain: '/nowhere/main.js',
  }

  it(
    'brings back the exit status',
    inFolder(async (folder) => {
      await writeFile(join(folder, 'status'), '7\n')
      expect(await readStatus(folder)).toBe(7)
    }),
  )

  it.each(['', '\n', 'seven\n', '7', '-1\n'])('is an error when the status is %j', async (text) =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'status'), text)
      await expect(readStatus(folder)).rejects.toMatchObject({ code: 'lab-boot-failed' })
    })(),
  )

  it(
    'is an error when there is no status',
    inFolder(async (folder) => {
      await expect(readStatus(folder)).rejects.toMatchObject({ code: 'lab-boot-failed' })
    }),
  )

  it(
    'has an npx that runs what is installed above the current folder, with its arguments as they are',
    inFolder(async (folder) => {
      await mkdir(join(folder, 'project/node_modules/.bin'), { recursive: true })
      await mkdir(join(folder, 'project/deep er'))
      await program(join(folder, 'project/node_modules/.bin/tool'), '#!/bin/sh\nprintf "%s|" "$@"\n')
      await writeGuestFolder(folder, settings)
      const args = [join(folder, 'bin/npx'), 'tool', 'a b', "c'd", '']
      const { stdout } = spawnSync('/bin/sh', args, { cwd: join(folder, 'project/deep er') })
      expect(stdout.toString()).toBe("a b|c'd||")
    }),
  )

  it(
    'has a probar that says what to do when it is not built',
    inFolder(async (folder) => {
      await writeGuestFolder(folder, settings)
      const { status, stderr } = spawnSync(join(folder, 'bin/probar'), ['run'])
      expect([status, stderr.toString()]).toEqual([127, expect.stringContaining('npm run build')])
    }),
  )

  it(
    'has a probar that passes its arguments and its status on',
    inFolder(async (folder) => {
      const main = join(folder, "ma'in.mjs")
      await writeFile(main, 'console.log(JSON.stringify(process.argv.slice(2))); process.exit(5)')
      await writeGuestFolder(folder, { ...settings, probarMain: main })
      await chmod(join(folder, 'bin/probar'), 0o755)
      const { status, stdout } = spawnSync(join(folder, 'bin/probar'), ['a b', '$x'])
      expect([status, JSON.parse(stdout.toString())]).toEqual([5, ['a b', '$x']])
    }),
  )
})
