// One guest of the bench and what runs in it, one step after the other; each step's status is kept.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')
const probar = join(root, 'dist/cli/main.js')

/** As `probar lab run` words it when a processor of the guest hangs, and when nothing at all comes from the guest any more. */
const STUCK = ['error lab-guest-stuck', 'error lab-timeout']

/**
 * Once more, and said aloud, when the guest hung. Emulated processors were seen to stop taking interrupts, one of them or
 * both, in guests that had held before and held when they were run again. What hangs by itself hangs again.
 * @param {{name: string, folder: string, options: string[], steps: Record<string, string>, timeout: number}} guest
 *   options of `probar lab run`; a line for the guest's shell by step
 * @returns the status of each step that came to its end, and how to find and read what the guest left in its output folder
 */
export async function runGuest({ name, folder, options, steps, timeout }) {
  let out = join(folder, name)
  const lines = Object.entries(steps).map(([step, line]) => `${line}\necho "${step} $?" >> $PROBAR_OUT/statuses`)
  const attempt = () => {
    const run = ['lab', 'run', '--timeout', String(timeout), ...options, '--out', out, '--']
    return printing(name, [probar, ...run, `cd '${root}'\n${lines.join('\n')}`])
  }
  let { status: ended, stuck } = await attempt()
  if (stuck) {
    process.stdout.write(`\n== ${name}: the guest hung; all of it is run again\n`)
    out = join(folder, `${name}-again`)
    ended = (await attempt()).status
  }
  const text = (file) => read(join(out, file))
  const statuses = Object.fromEntries(
    (text('statuses') ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  )
  return {
    ended,
    status: (step) =>
      statuses[step] === undefined ? `nothing (the guest ended with ${ended})` : Number(statuses[step]),
    json: (file) => JSON.parse(text(file) ?? 'null'),
    path: (file) => join(out, file),
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Prints a guest's output whole once it has ended, so that two guests at once don't mix theirs. */
function printing(name, words) {
  return new Promise((resolve) => {
    const started = Date.now()
    const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk))
    child.once('close', (status) => {
      process.stdout.write(`\n== ${name}, ${Math.round((Date.now() - started) / 1000)} s\n`)
      process.stdout.write(Buffer.concat(output))
      resolve({ status, stuck: STUCK.some((error) => Buffer.concat(output).includes(error)) })
    })
  })
}
