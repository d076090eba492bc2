// Runs one of the programs of this folder over the built package, as Node alone would do it with a package that is installed:
// npm run example -- NAME [WORD…]
import { transformFileSync } from '@swc/core'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const [name, ...words] = process.argv.slice(2)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []))
if (!names.includes(name)) {
  console.error(`usage: npm run example -- NAME [DEVICE]\nthere is: ${names.join(', ')}`)
  process.exit(2)
}

const { code } = transformFileSync(join(folder, `${name}.ts`), {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'es6' },
})
const built = join(folder, '../build/examples')
mkdirSync(built, { recursive: true })
const program = join(built, `${name}.mjs`)
writeFileSync(program, code.replaceAll(/(["'])\.\.\/src\/([^"']+)\.ts\1/g, "'../../dist/$2.js'"))
process.exitCode = spawnSync(process.execPath, [program, ...words], { stdio: 'inherit' }).status ?? 4
