// Holds the addon's sources against .clang-tidy. Needs clang-tidy (Debian: apt-get install clang-tidy) and a build, which
// leaves the commands of the compiler in build/. Files are looked at side by side, one a processor.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const commands = join(root, 'build/compile_commands.json')

if (spawnSync('clang-tidy', ['--version']).status !== 0) end('clang-tidy is not there: apt-get install clang-tidy')
if (!existsSync(commands)) end(`${commands} is not there: build the addon (node native/install.mjs --required)`)

const files = readdirSync(join(root, 'native'), { recursive: true }).filter((name) => name.endsWith('.cc'))
const waiting = [...files]
let failed = 0
await Promise.all(Array.from({ length: availableParallelism() }, work))
process.stdout.write(`clang-tidy: ${files.length} files, ${failed} with findings\n`)
process.exitCode = failed === 0 ? 0 : 1

async function work() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const { status, output } = await tidy(join(root, 'native', file))
    if (status === 0) continue
    failed++
    process.stdout.write(output)
  }
}

function tidy(file) {
  const child = spawn('clang-tidy', ['-p', join(root, 'build'), '--quiet', file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, output }))
  })
}

function end(problem) {
  process.stderr.write(`lint:cc: ${problem}\n`)
  process.exit(1)
}
