import { busAddress } from '../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { IovaDomain } from '../../../src/backend/iova-domain.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import { SimulatedIommu } from '../../../src/backend/loopback/iommu.ts'
import { UpstreamPort } from '../../../src/backend/loopback/upstream-port.ts'
import { BusAllocator } from '../../../src/device/aperture.ts'
import type { Device, Interrupts } from '../../../src/device/contract.ts'
import { InterruptCounter } from '../../../src/device/interrupt-counter.ts'
import { NvmeEngine, type NvmeParts } from '../../../src/engine/nvme/engine.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { loadNative } from '../../../src/native/load.ts'
import type { EngineBench } from '../engine.ts'
import { type Habits, NvmeModel } from './controller.ts'
import { ModelRegion } from './region.ts'

export interface NvmeBench extends EngineBench {
  readonly engine: NvmeEngine
  readonly model: NvmeModel
  readonly memory: FrameStore
  readonly clock: VirtualClock
}

/** `undefined` takes a part away. */
export type Changed = { readonly [Key in keyof NvmeParts]?: NvmeParts[Key] | undefined }

export const SCRATCH = { namespace: 1, firstBlock: 1000, blocks: 256 } as const

/** The engine over the model of a controller, behind a simulated IOMMU. */
export async function openNvmeBench(habits: Habits = {}, changed: Changed = {}): Promise<NvmeBench> {
  const clock = new VirtualClock()
  const random = seededRandom(5n)
  const counter = new InterruptCounter(clock)
  const { domain, port } = wayToMemory(
    () => random.below(2 ** 32),
    () => model.refuse(),
  )
  const model: NvmeModel = new NvmeModel({ bus: port, clock, interrupt: (vector) => counter.fired(vector) }, habits)
  const base = openLoopback('loopback:edu', { clock, random: () => 7 })
  const members: Partial<Device> = {
    regions: [new ModelRegion(model, clock)],
    dma: domain,
    interrupts: interruptsOf(counter),
    reset: () => model.reset(),
  }
  const device = new Proxy(base, {
    get: (target, key) => (Object.hasOwn(members, key) ? Reflect.get(members, key) : Reflect.get(target, key, target)),
  })
  const memory = new FrameStore({ native: loadNative().memory, frames: 1024, random })
  const frames = [...memory.allocate({ count: 16 })]
  const parts = { device, frames: memory, addressBits: 39, maxTransfer: 0x4000, granularity: 1, scratch: SCRATCH }
  const engine = new NvmeEngine({ ...parts, ...changed } as NvmeParts)
  return {
    engine,
    model,
    device,
    memory,
    frames,
    clock,
    close() {
      engine.close()
      base.close()
      memory.close()
    },
  }
}

function wayToMemory(
  random: () => number,
  refused: () => void,
): { readonly domain: IovaDomain; readonly port: UpstreamPort } {
  const iommu = new SimulatedIommu()
  const apertures = [{ first: busAddress(0), last: busAddress(0x7f_ffff_ffff) }]
  const domain = new IovaDomain(
    {
      placement: 'caller',
      revocable: true,
      writeOnly: true,
      maxEntries: iommu.maxEntries,
      pageSize: PAGE_SIZE,
      apertures,
      addressBits: 39,
    },
    {
      map: (bus, memory, offset, length, access) => iommu.map({ bus, memory, offset, length, access }),
      unmap: (bus, length) => iommu.unmap(bus, length),
    },
    new BusAllocator(apertures, 39, random),
  )
  return { domain, port: new UpstreamPort({ iommu, faults: { record: refused }, mastering: () => true }) }
}

function interruptsOf(counter: InterruptCounter): Interrupts {
  const none = (): never => {
    throw new Error('the model has no such thing')
  }
  return {
    vectors: { intx: 1, msi: 0, msix: 8 },
    maskable: { intx: false, msi: false, msix: false },
    enable: (_, vectors) => counter.reset(vectors),
    disable: () => counter.reset(0),
    count: (vector) => counter.count(vector),
    wait: (vector, after, options) => counter.wait(vector, after, options),
    trigger: none,
    mask: none,
    unmask: none,
  }
}
