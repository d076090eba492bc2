import { type PhysicalAddress, physicalAddress } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MM_ALLOCATE } from '../../../ddi/constants.ts'
import { MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import type { Context } from '../../context.ts'
import { allocate, release } from './buffers.ts'

const PAGE = BigInt(PAGE_SIZE)

export interface Bounds {
  readonly low: PhysicalAddress
  /** Inclusive. */
  readonly high: PhysicalAddress
}

/** A window with exactly `pages` frames, found by a block that was allocated and given back. */
export function windowOf(context: Context, pages: number): Bounds {
  const block = allocate(context, pages * PAGE_SIZE, { flags: MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS })
  const low = (MmGetMdlPfnArray(block)[0] ?? 0n) * PAGE
  release(context, block)
  return { low: physicalAddress(low), high: physicalAddress(low + BigInt(pages) * PAGE - 1n) }
}
