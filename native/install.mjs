// Builds the addon, when there is anything to build it with. npm runs this on install, where it must never fail: what
// needs no addon works without it. `--required` makes a failure count (exit status 1, whole build output).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const addon = join(root, 'build', 'Release', 'probar.node')
const required = process.argv.includes('--required')

try {
  process.exitCode = install()
} catch (error) {
  process.exitCode = giveUp(`the installer itself failed: ${error instanceof Error ? error.message : String(error)}`)
}

function install() {
  if (isCurrent()) return report('the addon is up to date')
  const missing = missingTools()
  if (missing.length > 0) return giveUp(`missing: ${missing.join(', ')}`)
  const build = compile()
  if (build.status === 0 && existsSync(addon)) return report('the addon is built')
  if (required) process.stderr.write(build.output)
  return giveUp('the build failed; the end of its output is above', build.output.trimEnd().split('\n').slice(-15))
}

function report(line) {
  process.stdout.write(`probar: ${line}\n`)
  return 0
}

/** The addon is newer than everything that it is made of. */
function isCurrent() {
  if (!existsSync(addon)) return false
  const built = statSync(addon).mtimeMs
  const sources = readdirSync(join(root, 'native'), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(root, 'native', name))
  return [join(root, 'CMakeLists.txt'), ...sources].every((source) => statSync(source).mtimeMs < built)
}

function missingTools() {
  if (process.platform !== 'linux')
    return [`support for ${process.platform} (the addon is written for Linux only so far)`]
  const missing = []
  if (!runs('cmake', ['--version'])) missing.push('cmake')
  if (!runs('make', ['--version']) && !runs('ninja', ['--version'])) missing.push('make')
  if (!hasCompiler()) missing.push('a C++20 compiler (g++ 11 or clang++ 14, or newer)')
  if (cmakeJs() === undefined) missing.push('the npm package cmake-js (run npm install)')
  return missing
}

function runs(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** Asks the compiler that CMake would take first, with a line that C++17 does not know. */
function hasCompiler() {
  const folder = mkdtempSync(join(tmpdir(), 'probar-'))
  try {
    const source = join(folder, 'probe.cc')
    writeFileSync(
      source,
      '#include <span>\ntemplate <typename T> requires(sizeof(T) > 0) struct S {};\nS<std::span<int>> s;\n',
    )
    const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)
    return compilers.some((compiler) => runs(compiler, ['-std=c++20', '-fsyntax-only', source]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function cmakeJs() {
  try {
    const require = createRequire(import.meta.url)
    const manifest = require.resolve('cmake-js/package.json')
    return join(dirname(manifest), require(manifest).bin['cmake-js'])
  } catch {
    return undefined
  }
}

/** cmake-js downloads nothing: package.json names an N-API version, whose headers come as an npm package. */
function compile() {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }
  const build = spawnSync(process.execPath, [cmakeJs(), 'compile', '--CDCMAKE_BUILD_TYPE=Release'], options)
  return { status: build.status, output: `${build.stdout ?? ''}${build.stderr ?? ''}${build.error?.message ?? ''}\n` }
}

function giveUp(problem, details = []) {
  for (const line of details) process.stderr.write(`  ${line.slice(0, 200)}\n`)
  const lines = [
    'Probar: the native addon is not built.',
    problem,
    '',
    'Without it: the suite on the loopback, through koffi.',
    'Not without it: real devices (VFIO), JavaScript memory of views, worker clean-up.',
    'On Debian:  apt-get install g++ cmake make  and then  node native/install.mjs',
  ]
  const width = Math.max(...lines.map((line) => line.length))
  const edge = `+${'-'.repeat(width + 2)}+`
  process.stderr.write([edge, ...lines.map((line) => `| ${line.padEnd(width)} |`), edge, ''].join('\n'))
  return required ? 1 : 0
}
