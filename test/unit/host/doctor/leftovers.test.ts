import { expect, it } from '@jest/globals'
import { readLeftovers } from '../../../../src/host/linux/doctor/leftovers.ts'
import { SystemFiles } from '../../../../src/host/linux/system-files.ts'
import { FakeMachine } from '../machine-use/fake-machine.ts'
import { commands, factsOf, line } from './healthy.ts'

const BOOT = '/proc/sys/kernel/random/boot_id'
const FILE = '/var/lib/probar/group-7.json'

function journal(until: 'end' | 'unbind', bootId = 'this-boot'): string {
  const holder = { pid: 77, purpose: 'probar run', startedAt: '2026-01-02T03:04:05Z', bootId }
  const functions = [{ address: '0000:03:00.0', driver: 'e1000e', override: null, until }]
  return JSON.stringify({ schema: 'probar-journal/1', name: 'group-7', holder, functions })
}

const machine = (files: Readonly<Record<string, string>>): ReturnType<typeof factsOf> =>
  factsOf({ [BOOT]: 'this-boot\n', ...files })

it('nothing is left over where there is no journal', () => {
  expect(line('leftovers', machine({})).found).toBe('nothing of earlier runs')
})

it('a device of a run that is no more is a warning, with the command that gives it back', () => {
  const finding = line('leftovers', machine({ [FILE]: journal('end') }))
  expect(finding).toMatchObject({
    state: 'warn',
    found: expect.stringMatching(/0000:03:00\.0 of e1000e, .*77.*not back/),
  })
  expect(commands(finding)).toEqual(['npx probar doctor --repair'])
})

it('a device of a run that goes on is none', () => {
  const held = { [FILE]: journal('end'), '/proc/77/fd/4': '=> /run/probar/group-7.lease' }
  expect(line('leftovers', machine(held)).state).toBe('ok')
})

it('a device of a run whose files this user may not see is none', () => {
  using folder = new FakeMachine({ [BOOT]: 'this-boot\n', [FILE]: journal('end'), '/proc/77/comm': 'node\n' })
  class Hidden extends SystemFiles {
    override get denied(): readonly string[] {
      return ['/proc/77/fd']
    }
  }
  const states = (files: SystemFiles): readonly string[] => readLeftovers(files).map(({ state }) => state)
  expect([states(new Hidden(folder.root)), states(new SystemFiles(folder.root))]).toEqual([['held'], ['left']])
})

it('a device that was bound by hand is told, and none', () => {
  const finding = line('leftovers', machine({ [FILE]: journal('unbind') }))
  expect(finding).toMatchObject({ state: 'ok', mend: [], found: expect.stringContaining('probar unbind') })
})

it('a journal of an earlier boot is none', () => {
  expect(line('leftovers', machine({ [FILE]: journal('end', 'another-boot') })).state).toBe('ok')
})

it('what is no journal is a warning', () => {
  expect(line('leftovers', machine({ '/run/probar/group-7.json': '{' }))).toMatchObject({
    state: 'warn',
    found: expect.stringContaining('group-7.json cannot be read, and nothing of group-7 can be taken'),
  })
})
