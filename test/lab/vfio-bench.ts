import { va } from '../../src/base/address.ts'
import { seededRandom } from '../../src/base/random.ts'
import { openVfio } from '../../src/backend/vfio/open.ts'
import type { Device } from '../../src/device/contract.ts'
import { openEngine } from '../../src/engine/open.ts'
import { FrameStore } from '../../src/memory/frame-store.ts'
import type { MemorySurface } from '../../src/native/surface.ts'
import { loadNative } from '../../src/native/load.ts'
import { vfioTarget } from '../../src/session/vfio-target.ts'
import { type Bench, setBusMaster } from '../contract/bench.ts'
import type { EngineBench } from '../contract/engine.ts'

/** The bench's edu has 28 address bits, as its model does by default. */
const EDU = { engine: 'edu', addressBits: 28, maxTransfer: 4095, bufferOffset: 0x4_0000 } as const

interface Opened {
  readonly native: MemorySurface
  readonly device: Device
  readonly frames: FrameStore
}

/** A function of the virtual bench, opened anew through the kernel's VFIO. */
function open(address: string): Opened {
  const { memory: native, vfio } = loadNative()
  if (vfio === undefined) throw new Error('the addon is not built, so there is no VFIO to test')
  const random = seededRandom(7n)
  const frames = new FrameStore({ native, frames: 64, random })
  const device = openVfio(vfioTarget(address), {
    native: { ...native, ...vfio },
    addressBits: EDU.addressBits,
    random: () => random.below(2 ** 32),
    keepFree: [],
  })
  return { native, device, frames }
}

export async function openVfioBench(address: string): Promise<Bench> {
  const { native, device, frames } = open(address)
  const reserved: number[] = []
  return {
    device,
    memory: frames,
    reserve(bytes) {
      const area = native.reserve(bytes)
      reserved.push(area)
      return va(native.address(area))
    },
    close() {
      device.close()
      for (const area of reserved) native.release(area)
      frames.close()
    },
  }
}

export async function openVfioEngineBench(address: string): Promise<EngineBench> {
  const { device, frames } = open(address)
  const bench = { device, memory: frames, frames: [...frames.allocate({ count: 16 })] }
  setBusMaster(bench, true)
  const engine = openEngine(EDU, device, frames)
  return {
    ...bench,
    engine,
    close() {
      engine.close()
      device.close()
      frames.close()
    },
  }
}
