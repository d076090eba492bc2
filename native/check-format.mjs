// clang-format over the C++ sources; `--write` mends them. The npm package brings the program for x86-64 only.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = dirname(fileURLToPath(import.meta.url))
const packaged = join(folder, '../node_modules/clang-format/bin', `${process.platform}_${process.arch}`)
const program = ['clang-format', 'clang-format.exe']
  .map((name) => join(packaged, name))
  .find((file) => existsSync(file))
const files = readdirSync(folder, { recursive: true })
  .filter((name) => /\.(cc|h)$/.test(name))
  .map((name) => join(folder, name))

if (program === undefined) {
  console.log(`clang-format: skipped, its npm package has no program for ${process.platform} on ${process.arch}`)
  process.exitCode = process.env['CI'] === undefined ? 0 : 1
} else {
  const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror']
  process.exitCode = spawnSync(program, [...mode, ...files], { stdio: 'inherit' }).status ?? 1
}
