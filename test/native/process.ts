import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** What Linux tells of this process, as a witness of what is mapped and open. */

const links = (): readonly (readonly [path: string, target: string])[] =>
  readdirSync('/proc/self/fd').flatMap((name) => {
    const path = `/proc/self/fd/${name}`
    try {
      return [[path, readlinkSync(path)] as const]
    } catch {
      return [] // the descriptor that listed them
    }
  })

const isMemoryFile = (target: string): boolean => target.startsWith('/memfd:probar')

export const openMemoryFiles = (): number => links().filter(([, target]) => isMemoryFile(target)).length

/** A path that leads to the file of the memory that was created last. */
export function newestMemoryFile(): string {
  const numbers = links()
    .filter(([, target]) => isMemoryFile(target))
    .map(([path]) => Number(path.slice('/proc/self/fd/'.length)))
  return `/proc/self/fd/${Math.max(...numbers)}`
}

/** Mappings of frames. */
export const frameMappings = (): number =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('memfd:probar')).length

/** Address space in bytes. */
export function addressSpace(): number {
  const [, kilobytes] = /^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

export interface Outcome {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a Node program in a process of its own, for what may end one. */
export function runNode(program: string, env: Readonly<Record<string, string>> = {}): Outcome {
  const child = spawnSync(process.execPath, ['--input-type=commonjs', '--eval', program], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  })
  return { status: child.status, signal: child.signal, stdout: child.stdout, stderr: child.stderr }
}
