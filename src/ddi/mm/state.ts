import { PAGE_SIZE } from '../../base/pages.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { FrameAttributes } from './frame-attributes.ts'
import { MdlShadows } from './mdl-shadows.ts'

/** What the memory manager's routines share. One a Windows. */
export interface MmState {
  readonly kernel: Kernel
  readonly mdls: MdlShadows
  readonly attributes: FrameAttributes
}

export function newMmState(kernel: Kernel): MmState {
  const attributes = new FrameAttributes(kernel.frames.size / PAGE_SIZE)
  return { kernel, mdls: new MdlShadows(kernel), attributes }
}
