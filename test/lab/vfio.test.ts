import { expect, it } from '@jest/globals'
import { describeDeviceContract } from '../contract/device.ts'
import { describeEngineContract } from '../contract/engine.ts'
import { openVfioBench, openVfioEngineBench } from './vfio-bench.ts'

/** The first device of the virtual bench. */
const ADDRESS = '0000:01:00.0'

it('the bench offers all that a check of the contract may need, so that none passes for want of it', async () => {
  const bench = await openVfioBench(ADDRESS)
  const { faults, interrupts, dma } = bench.device
  expect([faults.observable, dma.capabilities.revocable, interrupts.vectors.msi]).toEqual([true, true, 1])
  await bench.close()
})

describeDeviceContract(`vfio:${ADDRESS}`, () => openVfioBench(ADDRESS))
describeEngineContract(`edu through vfio:${ADDRESS}`, () => openVfioEngineBench(ADDRESS))
