import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { probar } from './probar.ts'

describe('probar rules', () => {
  it('lists every rule and how many have a case', async () => {
    const { status, stdout } = await probar(['rules'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^RULE +MARKS +SET +CASES +TEXT$/m)
    expect(stdout).toMatch(/^MDL-001 /m)
    expect(stdout).toMatch(
      /\d+ rules, \d+ with a case; without one for a reason: \d+ windows-only, .*, \d+ supporting\n$/,
    )
  })

  it('lists them as JSON', async () => {
    const rows = z
      .array(z.object({ id: z.string(), cases: z.array(z.string()) }))
      .parse(JSON.parse((await probar(['rules', '--json'])).stdout))
    expect(rows.find(({ id }) => id === 'KSM-020')?.cases).toContainEqual(expect.stringContaining('ks/'))
  })

  it('lists them as JSON with these members and no other', async () => {
    const proofs = { id: z.string(), text: z.string(), cases: z.array(z.string()), reason: z.string().optional() }
    const row = z.strictObject({
      ...proofs,
      marks: z.array(z.enum(['L', 'H', 'W', 'A'])),
      core: z.boolean(),
      clauses: z.array(z.strictObject(proofs)).optional(),
    })
    const rows = z.array(row).parse(JSON.parse((await probar(['rules', '--json'])).stdout))
    expect(rows.find(({ id }) => id === 'VER-015')).toMatchObject({ cases: [], reason: 'windows-only' })
    expect(rows.every(({ cases, reason }) => cases.length === 0 || reason === undefined)).toBe(true)
  })

  it('shows one, with its sources and its cases', async () => {
    const { status, stdout } = await probar(['rules', 'MDL-001'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^MDL-001 {2}marks /)
    expect(stdout).toMatch(/^Sources: .+$/m)
    expect(stdout).toMatch(/^Cases:\n {2}mdl\//m)
  })

  it.each(['VER-012', 'VER-012/0xB5'])('shows the clauses of a compound rule, asked for %s', async (id) => {
    const { status, stdout } = await probar(['rules', id])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^VER-012\/0xB6: unmap of an MDL that is not mapped\nCases:\n {2}mdl\//m)
    expect(stdout).toMatch(/^VER-012\/0x1011: /m)
  })

  it('says why a rule has no case', async () => {
    expect((await probar(['rules', 'VER-015'])).stdout).toMatch(/^No case, windows-only: Which .*\.$/m)
    const one = z.object({ reason: z.string(), why: z.string() })
    expect(one.parse(JSON.parse((await probar(['rules', 'VER-015', '--json'])).stdout)).reason).toBe('windows-only')
  })

  it('says of a rule without a case that it has none', async () => {
    // GPU addresses: nothing of them is there yet.
    expect((await probar(['rules', 'GVA-001'])).stdout).toContain('No case proves it yet.')
  })

  it('shows an erratum with its resolution', async () => {
    expect((await probar(['rules', 'ERR-07'])).stdout).toMatch(/^ERR-07 .*\n.+\nResolution: /)
  })

  it.each(['NOPE-1', 'ERR-999', 'mdl', ''])('does not know %j', async (id) => {
    const { status, stdout, stderr } = await probar(['rules', id])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error usage: /)
  })
})
