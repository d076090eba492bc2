import { va } from '../../src/base/address.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Device } from '../../src/device/contract.ts'
import type { Type1Version } from '../../src/backend/vfio/open.ts'
import type { DmaEngine } from '../../src/engine/contract.ts'
import { openEngine } from '../../src/engine/open.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import { FrameStore } from '../../src/memory/frame-store.ts'
import type { MemorySurface } from '../../src/native/surface.ts'
import { loadNative } from '../../src/native/load.ts'
import { loadProfile } from '../../src/profile/load.ts'
import type { Profile } from '../../src/profile/schema.ts'
import { findPciTarget, openPciTarget } from '../../src/session/target/pci-target.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { type Bench, setBusMaster } from '../contract/bench.ts'
import { CONTRACT_FRAMES } from '../contract/loopback-bench.ts'
import type { EngineBench } from '../contract/engine.ts'
import type { BenchedDevice } from './devices.ts'

/** A device of the virtual bench, and how it is reached. */
export interface BenchedFunction extends Pick<BenchedDevice, 'name' | 'address' | 'addressBits' | 'facts'> {
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

/** @param adapt changes what the profile says of the engine */
export async function openPciEngineBench(fn: BenchedFunction, adapt: Adapt = (dma) => dma): Promise<EngineBench> {
  const { device, frames } = open(fn)
  const bench = { device, memory: frames, frames: [...frames.allocate({ count: 16 })] }
  setBusMaster(bench, true)
  const engine = engineOf(fn.name, { device, frames, adapt })
  return {
    ...bench,
    engine,
    // measured: with QEMU's disk that forgets everything none of its commands was ever seen under way
    quick: engine.name === 'nvme',
    close() {
      engine.close()
      device.close()
      frames.close()
    },
  }
}

/** Bytes of one transfer in the bench at most: the checks have memory for a few pages, and more must be split. */
const MOST_BYTES = 4 * PAGE_SIZE

type Dma = NonNullable<Profile['dma']>
type Adapt = (dma: Dma) => Dma

interface Driven extends Pick<Opened, 'device' | 'frames'> {
  readonly adapt: Adapt
}

function engineOf(profile: string, { device, frames, adapt }: Driven): DmaEngine {
  const { dma } = loadProfile(profile)
  if (dma === undefined) throw new Error(`the profile ${profile} names no engine`)
  const maxTransfer = Math.min(dma.maxTransfer, MOST_BYTES)
  const engine = openEngine({ dma: adapt({ ...dma, maxTransfer }) }, device, frames)
  if (engine === undefined) throw new Error(`the profile ${profile} opens no engine`)
  return engine
}
