import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { ControllerData } from './protocol/identify.ts'

/** What a profile says that the controller must have. */
export interface Demands {
  /** Bytes of one command. */
  readonly maxTransfer: number
  /** Of which addresses and lengths are multiples. */
  readonly granularity: number
}

/** @throws ProbarError profile-invalid */
export function checkController({ maxTransfer, granularity }: Demands, data: ControllerData): void {
  if (maxTransfer > data.maxTransfer) {
    const text = `dma.maxTransfer is ${maxTransfer}, but the controller takes ${data.maxTransfer} bytes a command (MDTS)`
    throw new ProbarError('profile-invalid', text)
  }
  if (granularity >= (data.sglAlignment ?? PAGE_SIZE)) return
  const can = data.sglAlignment === undefined ? 'has no SGLs' : `has SGLs of multiples of ${data.sglAlignment} bytes`
  const text = `dma.granularity is ${granularity}, but the controller ${can}: it must be ${data.sglAlignment ?? PAGE_SIZE} or more`
  throw new ProbarError('profile-invalid', text)
}
