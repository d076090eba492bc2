import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { closingChecks } from '../contract/checks/closing.ts'
import { transferChecks } from '../contract/checks/transfers.ts'
import { domainChecks } from '../contract/device.ts'
import { describeCapturePin } from './capture-pin.ts'
import { benchedDevices } from './devices.ts'
import { describeLettingGo } from './letting-go.ts'
import { describeLostDevice } from './lost-device.ts'
import { describeMappingRules } from './mapping-rules.ts'
import { describeNvme } from './nvme.ts'
import { openPciBench } from './pci-bench.ts'
import { describeChecks, describePciContract } from './pci-contract.ts'

const LIMIT = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'
const kernels = readFileSync(LIMIT, 'utf8')

describe('with 300 mappings at once', () => {
  beforeAll(() => writeFileSync(LIMIT, '300'))
  afterAll(() => writeFileSync(LIMIT, kernels))
  describePciContract('vfio')
  describeChecks('vfio, version 1', { backend: 'vfio', type1: 'v1' }, [
    ...domainChecks,
    ...transferChecks,
    ...closingChecks,
  ])
})

describe('with as many mappings as the kernel has by itself', () => {
  it('these are 65,535', () => expect(Number(kernels)).toBe(65_535))
  const limited = domainChecks.filter(({ needs = [] }) => needs.includes('entry-limit'))
  describeChecks('vfio', { backend: 'vfio' }, limited)
})

it('a device with all address bits has a gap between its apertures, by which interrupts are addressed', async () => {
  const device = benchedDevices.find(({ name }) => name === 'qemu-edu-64')
  if (device === undefined) throw new Error('the bench has no such device')
  const bench = await openPciBench({ ...device, backend: 'vfio' })
  const { apertures } = bench.device.dma.capabilities
  expect(apertures.slice(0, 2)).toMatchObject([{ last: 0xfedf_ffffn }, { first: 0xfef0_0000n }])
  await bench.close()
})

describeMappingRules('type1v2')
describeMappingRules('type1')
describeNvme('vfio')
describeCapturePin('vfio')
describeLostDevice('vfio')
// The last, for it takes the device away.
describeLettingGo('vfio')
