import { expect, it } from '@jest/globals'
import type { PciBackend } from '../../src/session/reference.ts'
import type { Need } from '../contract/bench.ts'
import { describeDeviceContract } from '../contract/device.ts'
import { describeEngineContract } from '../contract/engine.ts'
import { openPciBench, openPciEngineBench } from './pci-bench.ts'

/** The first device of the virtual bench. */
const ADDRESS = '0000:01:00.0'

/** Both contract suites over one back end of the kernel. */
export function describePciContract(
  backend: PciBackend,
  { addressBits = 28, lacks = [] }: { readonly addressBits?: number; readonly lacks?: readonly Need[] } = {},
): void {
  const fn = { backend, address: ADDRESS, addressBits }
  it(`${backend} shows the interrupts that checks need, so that none passes for want of them`, async () => {
    const bench = await openPciBench(fn)
    expect(bench.device.interrupts.vectors.msi).toBe(1)
    await bench.close()
  })
  describeDeviceContract(`${backend}:${ADDRESS}`, () => openPciBench(fn), lacks)
  describeEngineContract(`edu through ${backend}:${ADDRESS}`, () => openPciEngineBench(fn))
}
