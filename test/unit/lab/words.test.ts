import { describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { commandScript, quoteWord, settingsScript } from '../../../src/lab/exchange/words.ts'

/** What a real shell makes of a script: the words that it prints, each ended by a zero byte. */
function shell(script: string, env: Record<string, string> = {}): string[] {
  const { stdout } = spawnSync('/bin/sh', ['-s'], { input: script, env: { PATH: '/usr/bin:/bin', ...env } })
  return stdout.toString().split('\0').slice(0, -1)
}
const print = (words: readonly string[]): string[] => ['printf', '%s\\0', ...words]
const words = fc.array(
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((word) => !word.includes('\0')),
  {
    minLength: 1,
    maxLength: 4,
  },
)
const onPosix = process.platform === 'win32' ? describe.skip : describe

onPosix("COMMAND's words, as a shell gets them", () => {
  it('arrive unchanged, whatever is in them', () => {
    fc.assert(
      fc.property(words, (list) => {
        fc.pre(!list.some((word) => word.includes('PROBAR_OUT')))
        expect(shell(commandScript(print(list), '/', '/out'))).toEqual(list)
      }),
      { numRuns: 60 },
    )
  })

  it.each(['a\nb', "it's", '"x"', '', '  sp ', '$HOME `id` \\ * ~', "'"])('arrive unchanged: %j', (word) => {
    expect(shell(commandScript(print([word]), '/', '/out'))).toEqual([word])
  })

  it("have $PROBAR_OUT replaced by the guest's folder, whatever characters that has", () => {
    const typed = ['json=$PROBAR_OUT/run.json', '${PROBAR_OUT}x', '$PROBAR_OUTER', '$PROBAR_OUT2', '$PROBAR_OUT']
    expect(shell(commandScript(print(typed), '/', "/o $&'t"))).toEqual([
      "json=/o $&'t/run.json",
      "/o $&'tx",
      '$PROBAR_OUTER',
      '$PROBAR_OUT2',
      "/o $&'t",
    ])
  })

  it('are a line for the shell when there is one with white space', () => {
    const line = 'for i in 1 2; do printf "%s\\0" "$i$PROBAR_OUT"; done'
    expect(shell(commandScript([line], '/', '/ignored'), { PROBAR_OUT: '/o' })).toEqual(['1/o', '2/o'])
  })

  it('are a program when there is one without white space', () => {
    expect(commandScript(['a;b'], '/', '/out')).toContain(`exec ${quoteWord('a;b')}`)
  })

  it('run in the folder given', () => {
    expect(shell(commandScript(['printf "%s\\0" "$PWD"'], '/usr', '/out'))).toEqual(['/usr'])
  })

  it('do not run when the folder is missing', () => {
    expect(shell(commandScript(print(['ran']), '/no/such folder', '/out'))).toEqual([])
  })
})

onPosix('settings', () => {
  it('are read back unchanged', () => {
    fc.assert(
      fc.property(words, (list) => {
        const settings = Object.fromEntries(list.map((word, index) => [`S${index}`, word]))
        const reading = list.map((_, index) => `printf '%s\\0' "$S${index}"\n`).join('')
        expect(shell(settingsScript(settings) + reading)).toEqual(list)
      }),
      { numRuns: 40 },
    )
  })
})
