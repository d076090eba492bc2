import { codeOf } from '../../../src/base/errors.ts'
import { parseProfile } from '../../../src/profile/parse.ts'

/** A profile with one region; `registers` are its lines, `more` goes below everything. */
export function exampleYaml({ registers = '', more = '' }: { registers?: string; more?: string } = {}): string {
  const lines = registers.split('\n').map((line) => `      ${line}`)
  return `name: example
title: Example
source: its data sheet
match:
  - { vendor: 0x1234, device: 0x5678 }
regions:
  - index: 0
    kind: memory
    size: 0x1000
    registers:
${registers === '' ? '      {}' : lines.join('\n')}
interrupts: { msi: 1 }
reset: { supported: true, keepsRegisters: false }
${more}`
}

/** The lines of the complaint, without the file's name. @throws when the profile is accepted */
export function complaints(text: string): readonly string[] {
  try {
    parseProfile(text, 'my.yaml')
  } catch (error) {
    if (codeOf(error) !== 'profile-invalid' || !(error instanceof Error)) throw error
    return error.message.split('\n').map((line) => line.replace(/^my\.yaml:/, ''))
  }
  throw new Error('the profile was accepted')
}

/** `line:column` of the last occurrence, as an editor counts. */
export function placeOf(needle: string, text: string): string {
  const before = text.slice(0, text.lastIndexOf(needle)).split('\n')
  return `${before.length}:${(before.at(-1) ?? '').length + 1}`
}
