import { ProbarError } from '../base/errors.ts'
import type { Device } from '../device/contract.ts'
import type { FrameStore } from '../memory/frame-store.ts'
import type { DmaEngine } from './contract.ts'
import { EduEngine } from './edu/engine.ts'

/** What a profile says of a device's engine. */
export interface EngineDescription {
  readonly engine: string
  readonly addressBits: number
  /** Bytes. */
  readonly maxTransfer: number
  /** The device's own buffer, in its own address space. */
  readonly bufferOffset: number
}

/** @throws ProbarError profile-invalid for an engine that Probar does not have */
export function openEngine(description: EngineDescription, device: Device, frames: FrameStore): DmaEngine {
  const { engine, addressBits, maxTransfer, bufferOffset } = description
  if (engine === 'edu') return new EduEngine({ device, frames, addressBits, maxTransfer, bufferOffset })
  throw new ProbarError('profile-invalid', `there is no engine '${engine}'; Probar has: edu`)
}
