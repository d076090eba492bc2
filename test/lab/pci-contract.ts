import { describe, it } from '@jest/globals'
import { loadProfile } from '../../src/profile/load.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import type { Check, Need } from '../contract/bench.ts'
import { describeDeviceContract } from '../contract/device.ts'
import { describeEngineContract } from '../contract/engine.ts'
import { benchedDevices } from './devices.ts'
import { type BenchedFunction, openPciBench, openPciEngineBench } from './pci-bench.ts'

export interface Platform {
  /** What it lacks with any device. */
  readonly lacks?: readonly Need[]
  /** Devices that cannot be used there at all, each with the reason. */
  readonly without?: Readonly<Record<string, string>>
}

/** The contract suite over every device of the bench by one of the kernel's interfaces, and that of engines where its profile names one. */
export function describePciContract(backend: PciBackend, { lacks = [], without = {} }: Platform = {}): void {
  for (const device of benchedDevices) {
    const title = `${backend} ${device.name}`
    const reason = without[device.name]
    if (reason !== undefined) {
      describe(`device contract: ${title}`, () => it.skip(`all of it (skipped: ${reason})`, () => undefined))
      continue
    }
    const fn = { ...device, backend }
    describeDeviceContract(title, () => openPciBench(fn), [...device.lacks, ...lacks])
    if (loadProfile(device.name).dma !== undefined) describeEngineContract(title, () => openPciEngineBench(fn))
  }
}

/** Some of the checks, over the first device of the bench, by an interface that differs in no more than they show. */
export function describeChecks(
  name: string,
  way: Pick<BenchedFunction, 'backend' | 'type1'>,
  checks: readonly Check[],
) {
  const [device] = benchedDevices
  if (device !== undefined) describeDeviceContract(name, () => openPciBench({ ...device, ...way }), [], checks)
}
