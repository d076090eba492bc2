import type { Device } from '../device/contract.ts'
import type { FrameStore } from '../memory/frame-store.ts'
import type { Profile } from '../profile/schema.ts'
import type { DmaEngine } from './contract.ts'
import type { CyclicEngine } from './cyclic.ts'
import { EduEngine } from './edu/engine.ts'
import { HdaEngine } from './intel-hda/engine.ts'
import { NvmeEngine } from './nvme/engine.ts'
import { SgCyclicEngine } from './sg/cyclic-engine.ts'
import { SgEngine } from './sg/engine.ts'

/** What of a profile says how its device is driven. */
export type EngineProfile = Pick<Profile, 'dma' | 'cyclic'>

/**
 * The engine that the profile names for transfers; undefined when it names none. Nothing is done to the device before
 * its first use.
 * @throws ProbarError profile-invalid when the device cannot be driven by it
 */
export function openEngine({ dma }: EngineProfile, device: Device, frames: FrameStore): DmaEngine | undefined {
  if (dma === undefined) return undefined
  const { addressBits, maxTransfer, buffer } = dma
  switch (dma.engine) {
    case 'edu':
      return new EduEngine({ device, frames, addressBits, maxTransfer, bufferOffset: buffer?.offset ?? 0 })
    case 'nvme': {
      const { granularity, scratch } = dma
      return new NvmeEngine({ device, frames, addressBits, maxTransfer, granularity, ...(scratch && { scratch }) })
    }
    case 'sg':
      return new SgEngine({ device, frames, addressBits, maxTransfer, granularity: dma.granularity })
  }
}

/** The engine that the profile names for cyclic buffers, as openEngine. */
export function openCyclicEngine(
  { cyclic }: EngineProfile,
  device: Device,
  frames: FrameStore,
): CyclicEngine | undefined {
  if (cyclic === undefined) return undefined
  switch (cyclic.engine) {
    case 'intel-hda': {
      const { addressBits, records, restarts } = cyclic
      return new HdaEngine({ device, frames, addressBits, records, restarts })
    }
    case 'sg':
      return new SgCyclicEngine({ device, frames, addressBits: cyclic.addressBits, records: cyclic.records })
  }
}
