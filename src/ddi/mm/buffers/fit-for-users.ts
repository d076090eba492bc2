import { type Va, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MmGetMdlVirtualAddress } from '../mdl.ts'
import type { MdlShadow } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'

/**
 * A user sees whole pages. So a pool block has to be made of such, and what nobody zeroed has to be overwritten: else
 * the user sees what the kernel or another driver left there (MDL-089, strict reading).
 */
export function requireFitForUsers({ kernel }: MmState, { mdl, frames }: MdlShadow): void {
  const routine = 'MmMapLockedPagesSpecifyCache'
  const address = MmGetMdlVirtualAddress(mdl)
  const block = kernel.driverPool.holding(address)
  const partOfPage = block === undefined ? kernel.pool.frameAt(address) !== undefined : block.size % PAGE_SIZE !== 0
  if (partOfPage) {
    kernel.ledger.raise({ rule: 'MDL-089', routine, text: 'the pool block is no multiple of the page size' })
  }
  const unwritten = kernel.unwritten.firstOf(frames)
  if (unwritten === undefined) return
  const text = `page ${frames.indexOf(unwritten)} was neither zeroed nor overwritten`
  kernel.ledger.raise({ rule: 'MDL-089', routine, text })
}

/** A view is removed in the context of its process (MDL-085). */
export function requireOwner({ kernel }: MmState, routine: string, address: Va): void {
  const page = va(address - (address % BigInt(PAGE_SIZE)))
  if (kernel.processes.ownerOf(page) === kernel.processes.current) return
  const text = 'the view is none of the current process, which may lose another one by this'
  kernel.ledger.raise({ rule: 'MDL-085', routine, text })
}
