import { describe, expect, it } from '@jest/globals'
import { loadNative } from '../../src/native/load.ts'
import { openSession } from '../../src/session/open.ts'
import { runSuite } from '../../src/suite/run.ts'

describe('without the addon', () => {
  it('the whole suite runs on the loopback, through koffi', async () => {
    const native = loadNative({ hideAddon: true })
    expect(native.memory.provider).toBe('koffi')
    await using session = await openSession({ device: 'loopback:sg', native })
    const facts = {
      id: 'without-addon',
      startedAt: new Date(0),
      host: { platform: 'test', release: '0', arch: 'test' },
      versions: { probar: '0', node: '0' },
    }
    const { cases, summary, withoutAddon } = await runSuite(session, { facts })
    expect(withoutAddon).toMatch(/hidden/)
    expect(cases.filter(({ verdict }) => verdict !== 'pass')).toEqual([])
    expect(summary.pass).toBe(cases.length)
  })

  it('there is no VFIO, and a reason that a command can print', () => {
    const native = loadNative({ hideAddon: true })
    expect(native.vfio).toBeUndefined()
    expect(native.addonProblem).toMatch(/hidden/)
  })
})
