import { va } from '../../src/base/address.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Device } from '../../src/device/contract.ts'
import type { Type1Version } from '../../src/backend/vfio/open.ts'
import { EduEngine } from '../../src/engine/edu/engine.ts'
import { FrameStore } from '../../src/memory/frame-store.ts'
import type { MemorySurface } from '../../src/native/surface.ts'
import { loadNative } from '../../src/native/load.ts'
import { findPciTarget, openPciTarget } from '../../src/session/target/pci-target.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { type Bench, setBusMaster } from '../contract/bench.ts'
import { CONTRACT_FRAMES } from '../contract/loopback-bench.ts'
import type { EngineBench } from '../contract/engine.ts'
import type { BenchedDevice } from './devices.ts'

/** A device of the virtual bench, and how it is reached. */
export interface BenchedFunction extends Pick<BenchedDevice, 'address' | 'addressBits' | 'facts'> {
  readonly backend: PciBackend
  readonly type1?: Type1Version
}

interface Opened {
  readonly native: MemorySurface
  readonly device: Device
  readonly frames: FrameStore
}

/** Frames of one huge page, where they must be such. */
const HUGE_PAGE_FRAMES = 512

/** A function of the virtual bench, opened anew through the kernel. */
function open({ backend, address, ...options }: BenchedFunction): Opened {
  const native = loadNative()
  if (native.vfio === undefined) throw new Error('the addon is not built, so there is no VFIO to test')
  const random = seededRandom(7n)
  const identity = backend === 'noiommu'
  const frames = new FrameStore({
    native: native.memory,
    frames: identity ? HUGE_PAGE_FRAMES : CONTRACT_FRAMES,
    random,
    ...(identity ? { physical: native.vfio } : {}),
  })
  const device = openPciTarget(findPciTarget(address, backend), {
    native,
    ...options,
    random: () => random.below(2 ** 32),
    keepFree: [],
  })
  return { native: native.memory, device, frames }
}

/** A function of any kind, by itself. */
export function openPciDevice(address: string): Device {
  const options = { native: loadNative(), addressBits: 64, random: () => 0, keepFree: [] }
  return openPciTarget(findPciTarget(address, 'auto'), options)
}

export async function openPciBench(fn: BenchedFunction): Promise<Bench> {
  const { native, device, frames } = open(fn)
  const reserved: number[] = []
  return {
    device,
    facts: fn.facts,
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

export async function openPciEngineBench(fn: BenchedFunction): Promise<EngineBench> {
  const { device, frames } = open(fn)
  const bench = { device, memory: frames, frames: [...frames.allocate({ count: 16 })] }
  setBusMaster(bench, true)
  const { addressBits } = fn
  const engine = new EduEngine({ device, frames, addressBits, maxTransfer: 4095, bufferOffset: 0x4_0000 })
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
