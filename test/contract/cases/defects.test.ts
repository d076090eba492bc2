import { describe, expect, it } from '@jest/globals'
import { allCases } from '../../../src/suite/all-cases.ts'
import { altered } from './plants/altered.ts'
import { attempt, attemptOne } from './plants/attempt.ts'
import { adapters, dxgk, ks, mm, portcls, registers, tables, lists, waveRT } from './plants/broken-ddi.ts'
import { io } from './plants/broken-io.ts'
import { device, frames, native, views } from './plants/broken-platform.ts'
import { defects } from './defects.ts'

const planted = Object.entries(defects).flatMap(([id, list]) =>
  list.map((defect) => [id, defect.name, defect] as const),
)

/** Wrapped like the broken parts, and not broken. */
const sound = {
  nothing: {},
  device: device(() => ({})),
  views: views(() => ({})),
  frames: frames(() => ({})),
  native: native(() => ({})),
  mm: mm(() => ({})),
  io: io(() => ({})),
  adapters: adapters(() => ({})),
  lists: lists((list) => altered(list, {})),
  ks: ks(() => ({})),
  tables: tables((table) => altered(table, {})),
  portcls: portcls(() => ({})),
  waveRT: waveRT(() => ({})),
  dxgk: dxgk(() => ({})),
  registers: registers(() => ({})),
}

describe('without a defect', () => {
  it.each(Object.entries(sound))('every case passes, wrapped: %s', async (_, plant) => {
    const { cases } = await attempt({ plant })
    expect(cases.filter(({ verdict }) => verdict !== 'pass')).toEqual([])
    expect(cases.map(({ id }) => id)).toEqual(allCases.map(({ id }) => id))
  })
})

describe('with a planted defect', () => {
  it.each(planted)('%s fails: %s', async (id, _, { seen, fault, plant }) => {
    const ref = fault === undefined ? 'loopback:edu' : `loopback:edu?fault=${fault}`
    const { verdict, reason } = await attemptOne(id, { ref, ...(plant === undefined ? {} : { plant }) })
    expect({ verdict, text: reason?.text }).toEqual({ verdict: 'fail', text: expect.stringContaining(seen) })
  })
})

describe('the table of defects', () => {
  it('has every case, and none that there is not', () => {
    expect(Object.keys(defects).toSorted()).toEqual(allCases.map(({ id }) => id).toSorted())
  })

  it('has at least one defect for each case, each by a name of its own', () => {
    for (const [id, list] of Object.entries(defects)) {
      expect([id, list.length > 0, new Set(list.map(({ name }) => name)).size]).toEqual([id, true, list.length])
    }
  })

  it('plants each defect in one place', () => {
    expect(planted.filter(([, , { fault, plant }]) => (fault === undefined) === (plant === undefined))).toEqual([])
  })
})
