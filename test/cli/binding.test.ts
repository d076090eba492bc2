import { describe, expect, it } from '@jest/globals'
import { probar } from './probar.ts'

// What is bound really is bound in the virtual bench only (lab/acceptance/kills.mjs): here is what is refused before that.
describe.each(['bind', 'unbind'])('probar %s', (command) => {
  it('wants a device', async () => {
    const { status, stderr } = await probar([command])
    expect(status).toBe(2)
    expect(stderr).toContain("missing required argument 'ref'")
  })

  it('does not take a model', async () => {
    const { status, stderr } = await probar([command, 'loopback:edu'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error usage: 'loopback:edu' is a model/)
  })

  it('ends with 3 where there is no such device', async () => {
    const { status, stdout, stderr } = await probar([command, '0000:99:00.0', '--json'])
    expect([status, stdout]).toEqual([3, ''])
    expect(stderr).toMatch(/^error device-absent: /)
  })

  it.each(['1.5', '-1', 'x', '0000:01:00.0'])('does not wait for %j seconds', async (seconds) => {
    const { status, stderr } = await probar([command, '0000:99:00.0', `--wait=${seconds}`])
    expect(status).toBe(2)
    expect(stderr).toContain('whole number of seconds')
  })
})
