import { describe, expect, it } from '@jest/globals'
import { allCases } from '../../../src/suite/all-cases.ts'
import { faultsOf, type LoopbackFault } from '../../../src/backend/loopback/planted/defects.ts'
import { altered } from './plants/altered.ts'
import { attempt, attemptOne, caseNamed, modelFor } from './plants/attempt.ts'
import { adapters, dxgk, ks, mm, portcls, registers, tables, lists, waveRT } from './plants/broken-ddi.ts'
import { io } from './plants/broken-io.ts'
import { device, frames, native, views } from './plants/broken-platform.ts'
import { defects } from './defects.ts'

/** The model that the case is tried on, or the one that the fault can be planted into. */
function refFor(id: string, fault?: LoopbackFault): string {
  const model = modelFor(caseNamed(id))
  if (fault === undefined) return `loopback:${model}`
  return `loopback:${Object.hasOwn(faultsOf[model], fault) ? model : 'sg'}?fault=${fault}`
}

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

  it('every case passes on sg, which offers all that cases need', async () => {
    const { cases } = await attempt({ ref: 'loopback:sg' })
    expect(cases.filter(({ verdict }) => verdict !== 'pass')).toEqual([])
  })

  it('edu skips exactly the cases that are tried on sg', async () => {
    const { cases } = await attempt({ ref: 'loopback:edu' })
    const beyond = allCases.filter((one) => modelFor(one) === 'sg').map(({ id }) => id)
    expect(cases.filter(({ verdict }) => verdict === 'skip').map(({ id }) => id)).toEqual(beyond)
  })
})

describe('with a planted defect', () => {
  it.each(planted)('%s fails: %s', async (id, _, { seen, fault, plant }) => {
    const ref = refFor(id, fault)
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
