import type { Va } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Region } from '../../device/contract.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { IoView } from './io-space/map.ts'
import { FrameAttributes } from './mapping/frame-attributes.ts'
import { MdlShadows } from './mdl-shadows.ts'

/** What the memory manager's and the I/O manager's routines for MDLs share. One a Windows. */
export interface MmState {
  readonly kernel: Kernel
  readonly mdls: MdlShadows
  readonly attributes: FrameAttributes
  /** The device's BARs: what of physical space is neither RAM nor nothing. */
  readonly regions: readonly Region[]
  /** What MmMapIoSpace returned. */
  readonly ioViews: Map<Va, IoView>
}

export function newMmState(kernel: Kernel, regions: readonly Region[]): MmState {
  const attributes = new FrameAttributes(kernel.frames.size / PAGE_SIZE)
  return { kernel, mdls: new MdlShadows(kernel), attributes, regions, ioViews: new Map() }
}
