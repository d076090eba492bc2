import { mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseHolder, told } from '../../../../src/host/linux/taking/holder.ts'
import { tryLease } from '../../../../src/host/linux/taking/lease.ts'
import { loadNative } from '../../../../src/native/load.ts'

const HOLDER = { pid: 12, purpose: 'probar run', startedAt: '2026-01-01T00:00:00.000Z', bootId: 'b' }

function inFolder(body: (leases: string) => void): void {
  const leases = mkdtempSync(join(tmpdir(), 'probar-leases-'))
  try {
    body(leases)
  } finally {
    rmSync(leases, { recursive: true, force: true })
  }
}

describe.each([
  ['addon', loadNative().locks],
  ['koffi', loadNative({ hideAddon: true }).locks],
])('a lease (%s)', (_, locks) => {
  it('is held once, until it is given back', () => {
    inFolder((leases) => {
      const state = tryLease('group-1', HOLDER, { leases }, locks)
      if (!('lease' in state)) throw new Error('it is not free')
      expect(tryLease('group-1', { ...HOLDER, pid: 13 }, { leases }, locks)).toEqual({ heldBy: HOLDER })
      expect(tryLease('group-2', HOLDER, { leases }, locks)).toHaveProperty('lease')
      state.lease[Symbol.dispose]()
      state.lease[Symbol.dispose]()
      expect(tryLease('group-1', HOLDER, { leases }, locks)).toHaveProperty('lease')
    })
  })

  it('names its holder, whatever a longer-named one wrote before', () => {
    inFolder((leases) => {
      writeFileSync(join(leases, 'group-1.lease'), 'x'.repeat(5000))
      tryLease('group-1', HOLDER, { leases }, locks)
      expect(parseHolder(readFileSync(join(leases, 'group-1.lease'), 'utf8'))).toEqual(HOLDER)
    })
  })

  it('on a file that was tidied away is none: the next one finds another file', () => {
    inFolder((leases) => {
      const once = { lockFile: (file: number) => (unlinkSync(join(leases, 'group-1.lease')), locks.lockFile(file)) }
      let first = true
      const lockFile = (file: number): boolean =>
        first ? ((first = false), once.lockFile(file)) : locks.lockFile(file)
      expect(tryLease('group-1', HOLDER, { leases }, { lockFile })).toHaveProperty('lease')
      expect(tryLease('group-1', HOLDER, { leases }, locks)).toEqual({ heldBy: HOLDER })
    })
  })

  it('that can be neither opened nor made says what to do', () => {
    inFolder((leases) => {
      writeFileSync(join(leases, 'file'), '')
      expect(() => tryLease('group-1', HOLDER, { leases: join(leases, 'file') }, locks)).toThrow(
        /lease .* can be neither/,
      )
    })
  })
})

describe('a holder in words', () => {
  it.each(['', '{', '{}', '[]', 'null', '{"pid":"1"}'])('%j is another process', (text) => {
    expect(told(parseHolder(text))).toBe('another process')
  })

  it('has no control characters, for others may write it', () => {
    const words = told({ ...HOLDER, purpose: '\u001b[2Jrm\n' })
    expect(words).toBe('pid 12 (?[2Jrm?) since 2026-01-01T00:00:00.000Z')
  })
})

it('a lease on a full disk is refused in words', () => {
  inFolder((leases) => {
    // Every write to it fails as on a full disk.
    symlinkSync('/dev/full', join(leases, 'group-1.lease'))
    const free = { lockFile: () => true }
    expect(() => tryLease('group-1', HOLDER, { leases }, free)).toThrow(/cannot be written \((ENOSPC|EINVAL)\)/)
  })
})

it('a lease that was given back names nobody any more, while the next holder has not written its name yet', () => {
  inFolder((leases) => {
    const state = tryLease('group-1', HOLDER, { leases }, { lockFile: () => true })
    if (!('lease' in state)) throw new Error('it is not free')
    state.lease[Symbol.dispose]()
    expect(tryLease('group-1', HOLDER, { leases }, { lockFile: () => false })).toEqual({ heldBy: undefined })
  })
})
