import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { LADDER } = (await import(new URL('../../oxlint.config.mjs', import.meta.url).href)) as {
  readonly LADDER: readonly (readonly string[])[]
}
const folders = LADDER.flat()

/** The project's rules, but for those that need types: a planted file has none. */
const CONFIG = readFileSync(join(root, 'oxlint.config.mjs'), 'utf8').replace('typeAware: true', 'typeAware: false')

interface Diagnostic {
  readonly code: string
  readonly filename: string
  readonly message: string
}

/** Lints the files in a folder of their own, with the project's rules; returns what breaks the ladder. */
function lint(files: Readonly<Record<string, string>>): {
  readonly failed: boolean
  readonly found: readonly Diagnostic[]
} {
  const folder = mkdtempSync(join(tmpdir(), 'probar-ladder-'))
  try {
    writeFileSync(join(folder, 'oxlint.config.mjs'), CONFIG)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
    const words = [oxlint, '-c', 'oxlint.config.mjs', '--format', 'json', 'src']
    const { stdout, stderr, status } = spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8' })
    if (!stdout.startsWith('{')) throw new Error(`oxlint: ${stdout}${stderr}`)
    const { diagnostics } = JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] }
    return { failed: status !== 0, found: diagnostics.filter(({ code }) => code.includes('no-restricted-imports')) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const importing = (path: string): string => `import { x } from '${path}'\n\nexport const y = x\n`

/** Every pair of folders, with whether the first may import from the second. */
const pairs = LADDER.flatMap((rung, height) =>
  rung.flatMap((from) =>
    folders
      .filter((to) => to !== from)
      .map((to) => ({ from, to, legal: LADDER.slice(height + 1).some((lower) => lower.includes(to)) })),
  ),
)
const nameOf = ({ from, to }: { from: string; to: string }): string => `src/${from}/planted-${to}.ts`
const planted = lint(Object.fromEntries(pairs.map((pair) => [nameOf(pair), importing(`../${pair.to}/x.ts`)])))
const complainedOf = new Set(planted.found.map(({ filename }) => filename.replaceAll('\\', '/')))

describe('the ladder', () => {
  it('has every folder of src, once', () => {
    const inSource = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(folders.toSorted()).toEqual(inSource.map(({ name }) => name).toSorted())
  })

  it('makes the linter fail', () => expect(planted.failed).toBe(true))

  it.each(folders.slice(LADDER[0]?.length))('lets %s import nothing from above or beside it', (from) => {
    const illegal = pairs.filter((pair) => pair.from === from && !pair.legal).map(nameOf)
    expect(illegal.length).toBeGreaterThan(0)
    expect(illegal.filter((name) => !complainedOf.has(name))).toEqual([])
  })

  it.each(folders.slice(0, -1))('lets %s import from all below it', (from) => {
    const legal = pairs.filter((pair) => pair.from === from && pair.legal).map(nameOf)
    expect(legal.length).toBeGreaterThan(0)
    expect(legal.filter((name) => complainedOf.has(name))).toEqual([])
  })

  it.each([
    ['report', 'suite'],
    ['suite', 'report'],
    ['ddi', 'engine'],
    ['engine', 'ddi'],
    ['host', 'backend'],
    ['backend', 'host'],
  ])('keeps %s from %s, which stands beside it', (from, to) => {
    expect(complainedOf).toContain(nameOf({ from, to }))
  })

  it('names the import that is wrong', () => {
    const [complaint] = planted.found.filter(({ filename }) => filename.endsWith('src/base/planted-cli.ts'))
    expect(complaint?.message).toContain('../cli/x.ts')
  })

  it('sees every form of an import, from every depth, and the barrels', () => {
    const forms = {
      'src/base/type.ts': "import type { X } from '../cli/x.ts'\n\nexport type Y = X\n",
      'src/base/again.ts': "export { x } from '../cli/x.ts'\n",
      'src/base/all.ts': "export * from '../cli/x.ts'\n",
      'src/base/effect.ts': "import '../cli/x.ts'\n",
      'src/base/deep/down/x.ts': importing('../../../cli/x.ts'),
      'src/base/around.ts': importing('../../src/cli/x.ts'),
      'src/base/barrel.ts': importing('../index.ts'),
      'src/base/testing-barrel.ts': importing('../testing.ts'),
    }
    const { found } = lint(forms)
    expect(found.map(({ filename }) => filename).toSorted()).toEqual(Object.keys(forms).toSorted())
  })

  it('is not got around by an import that the linter cannot see', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((one) =>
      one.endsWith('.ts'),
    )
    const dynamic = sources.flatMap((one) =>
      Array.from(
        readFileSync(join(root, 'src', one), 'utf8').matchAll(/\bimport\(\s*['"`](\.[^'"`]*)/g),
        ([, target]) => `${one} → ${target}`,
      ),
    )
    // The entry, which can tell in words that the rest cannot be loaded.
    expect(dynamic).toEqual(['cli/main.ts → ./start.ts'])
  })
})
