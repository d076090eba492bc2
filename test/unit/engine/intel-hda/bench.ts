import { ProbarError } from '../../../../src/base/errors.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../../src/backend/loopback/device.ts'
import type { LoopbackInterrupts } from '../../../../src/backend/loopback/interrupts.ts'
import type { Device, DmaDomain, Mapping } from '../../../../src/device/contract.ts'
import type { Segments } from '../../../../src/device/segments.ts'
import { HdaEngine } from '../../../../src/engine/intel-hda/engine.ts'
import { FrameStore } from '../../../../src/memory/frame-store.ts'
import { loadNative } from '../../../../src/native/load.ts'
import type { Codec } from './codecs.ts'
import { FakeController, type Habits, pageOffset } from './fake-controller.ts'

export interface HdaBench extends Disposable {
  readonly engine: HdaEngine
  readonly controller: FakeController
  readonly device: Device
  readonly frames: FrameStore
  /** Four pages that the device may read and write. */
  readonly buffer: Segments
  /** The platform says that the device is gone. */
  readonly loseInterrupts: () => void
}

/** An engine over the fake controller, in the IOMMU and with the interrupts of the loopback. */
export function openHdaBench(codec: Codec | undefined, habits: Habits = {}, addressBits = 64): HdaBench {
  const clock = new VirtualClock()
  const loopback = openLoopback('loopback:edu', { clock, random: () => 7 })
  const frames = new FrameStore({ native: loadNative().memory, frames: 32, random: seededRandom(1n) })
  const pages: { readonly bus: bigint; readonly index: number }[] = []
  const dma: DmaDomain = {
    capabilities: loopback.dma.capabilities,
    get entries() {
      return loopback.dma.entries
    },
    map(of, access, placement) {
      const mapping = loopback.dma.map(of, access, placement)
      remember(mapping, of.indices, pages)
      return mapping
    },
  }
  const controller = new FakeController((bus) => find(bus, pages, frames), clock, codec, habits)
  const members: Partial<Device> = { dma, regions: [controller] }
  const device = new Proxy(loopback, {
    get: (target, key) => (Object.hasOwn(members, key) ? Reflect.get(members, key) : Reflect.get(target, key, target)),
  })
  const engine = new HdaEngine({ device, frames, addressBits, records: 'unknown' })
  const mapping = dma.map({ memory: frames, indices: frames.allocate({ count: 4 }) }, 'both')
  return {
    engine,
    controller,
    device,
    frames,
    buffer: mapping.segments,
    loseInterrupts: () => (loopback.interrupts as LoopbackInterrupts).fail(new ProbarError('device-gone', 'planted')),
    [Symbol.dispose]() {
      engine.close()
      loopback.close()
      frames.close()
    },
  }
}

function remember(
  { segments }: Mapping,
  indices: Uint32Array,
  pages: { readonly bus: bigint; readonly index: number }[],
): void {
  let at = 0
  for (const { bus, length } of segments) {
    for (let within = 0n; within < BigInt(length); within += 4096n)
      pages.push({ bus: bus + within, index: indices[at++] ?? 0 })
  }
}

function find(bus: bigint, pages: readonly { readonly bus: bigint; readonly index: number }[], memory: FrameStore) {
  const page = pages.findLast((one) => bus >= one.bus && bus < one.bus + 4096n)
  if (page === undefined) throw new Error(`the device touched 0x${bus.toString(16)}, where nothing is`)
  return { memory, offset: pageOffset(page.index, bus - page.bus) }
}
