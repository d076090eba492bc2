import { expect, it } from '@jest/globals'
import { type Finding, type Way, weigh } from '../../../../src/host/linux/doctor/finding.ts'

const finding = (state: Finding['state'], ways: readonly Way[], more: Partial<Finding> = {}): Finding => ({
  check: ways.join(),
  title: 'Something',
  state,
  found: 'this',
  why: 'for it',
  mend: [{ command: 'true', asRoot: false }],
  ways,
  ...more,
})
const BOTH = ['vfio', 'iommufd'] as const

it('is ready by every interface when nothing is bad', () => {
  expect(weigh([finding('warn', BOTH), finding('unknown', BOTH)], BOTH).ways).toEqual(BOTH)
})

it('is not ready when something is bad for all that was asked', () => {
  const { ways, findings } = weigh([finding('bad', BOTH)], BOTH)
  expect(ways).toEqual([])
  expect(findings).toMatchObject([{ state: 'bad' }])
})

it('takes what is bad for one only as a warning, and says by which it works', () => {
  const { ways, findings } = weigh([finding('bad', ['iommufd'])], BOTH)
  expect(ways).toEqual(['vfio'])
  expect(findings).toMatchObject([{ state: 'warn', found: 'this; not needed for vfio', mend: [{ command: 'true' }] }])
})

it('takes it as no defect where nothing lacks without it; then there is nothing to mend', () => {
  const { findings } = weigh([finding('bad', ['iommufd'], { otherwise: 'ok' })], BOTH)
  expect(findings).toMatchObject([{ state: 'ok', mend: [] }])
})

it('is bad for one only when that one was asked for', () => {
  expect(weigh([finding('bad', ['iommufd'])], ['iommufd'])).toMatchObject({ ways: [], findings: [{ state: 'bad' }] })
})

it('leaves a lesser defect out of the count while a common one stands', () => {
  const { ways, findings } = weigh([finding('bad', ['iommufd']), finding('bad', BOTH)], BOTH)
  expect(ways).toEqual([])
  expect(findings.map(({ state }) => state)).toEqual(['warn', 'bad'])
})

it('is not ready when each interface has a defect of its own', () => {
  const { ways, findings } = weigh([finding('bad', ['iommufd']), finding('bad', ['vfio'])], BOTH)
  expect(ways).toEqual([])
  expect(findings.map(({ state }) => state)).toEqual(['bad', 'bad'])
})

it('leaves out what concerns nothing that was asked for', () => {
  expect(weigh([finding('bad', ['noiommu'])], BOTH)).toEqual({ ways: BOTH, findings: [] })
})
