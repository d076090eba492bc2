import type { Va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { KIRQL, MdlFlags } from '../constants.ts'
import { MDL_MAX_BYTES, Mdl, MmInitializeMdl, MmSizeOfMdl } from '../mm/mdl.ts'
import { type MdlShadow, isMapped } from '../mm/mdl-shadows.ts'
import { nextInChain } from '../mm/chain.ts'
import type { MmState } from '../mm/state.ts'
import { unmapSystem } from '../mm/views.ts'
import type { Irp } from './irp.ts'

export interface MdlRequest {
  readonly VirtualAddress: Va
  readonly Length: number
  readonly SecondaryBuffer: boolean
  readonly ChargeQuota: boolean
  readonly Irp: Irp | null
}

const ADDRESS_LIMIT = 1n << 64n

/** IoAllocateMdl. */
export function allocateMdl(state: MmState, request: MdlRequest): Mdl | null {
  const { kernel, mdls } = state
  kernel.requireIrql('IoAllocateMdl', 'MDL-031', KIRQL.DISPATCH_LEVEL)
  requireSound(state, request)
  const { VirtualAddress, Length, Irp, SecondaryBuffer } = request
  if (Length > MDL_MAX_BYTES) return null
  if (kernel.lowResources.strikes('IoAllocateMdl')) return null
  const tail = Irp !== null && SecondaryBuffer ? tailOf(state, Irp) : undefined
  const size = MmSizeOfMdl(VirtualAddress, Length)
  const block = kernel.pool.allocate(size)
  if (block === undefined) {
    kernel.shortages.note(new ProbarError('out-of-memory', `the pool has no room for an MDL of ${size} bytes`))
    return null
  }
  const mdl = new Mdl(block)
  MmInitializeMdl(mdl, VirtualAddress, Length)
  mdls.add(mdl, 'io')
  if (tail !== undefined) tail.header.set('Next', mdl.address)
  else if (Irp !== null) Irp.MdlAddress = mdl
  return mdl
}

/** IoFreeMdl. */
export function freeMdl(state: MmState, mdl: Mdl | null): void {
  const { kernel, mdls } = state
  kernel.requireIrql('IoFreeMdl', 'MDL-031', KIRQL.DISPATCH_LEVEL)
  const shadow = mdls.check('IoFreeMdl', mdl)
  requireFreeable(state, shadow)
  unmapSystem(state, shadow)
  mdls.retire(shadow.mdl)
}

/** MDL-006, MDL-023, MDL-024 in its strict reading. */
function requireSound({ kernel }: MmState, request: MdlRequest): void {
  const { VirtualAddress, Length, SecondaryBuffer, ChargeQuota, Irp } = request
  const raise = (rule: string, text: string): never => kernel.ledger.raise({ rule, routine: 'IoAllocateMdl', text })
  if (!Number.isInteger(Length) || Length < 0) raise('MDL-021', `a length of ${Length} is no unsigned number`)
  if (VirtualAddress + BigInt(Length) > ADDRESS_LIMIT) raise('MDL-006', 'the buffer would wrap')
  if (ChargeQuota) raise('MDL-023', 'ChargeQuota is reserved')
  if (Irp === null && SecondaryBuffer) raise('MDL-023', 'a secondary buffer of no IRP')
  if (Irp !== null && SecondaryBuffer && Irp.MdlAddress === null) raise('MDL-025', 'the IRP has no chain to append to')
  if (Irp !== null && !SecondaryBuffer && Irp.MdlAddress !== null) raise('MDL-024', 'the IRP has an MDL already')
}

/** @throws CallerError for a chain that leads to a freed MDL, or round in a circle */
function tailOf(state: MmState, { MdlAddress }: Irp): Mdl | undefined {
  const { kernel, mdls } = state
  let last: Mdl | undefined
  let next: Mdl | null = MdlAddress
  for (let seen = 0; next !== null; seen++) {
    if (seen > mdls.alive) {
      kernel.ledger.raise({ rule: 'MDL-025', routine: 'IoAllocateMdl', text: 'the chain of the IRP has no end' })
    }
    last = next
    next = nextInChain(state, 'IoAllocateMdl', next)
  }
  return last
}

/** MDL-028, MDL-123, VER-012: what keeps an MDL from being freed. */
function requireFreeable({ kernel }: MmState, shadow: MdlShadow): void {
  const { mdl, origin, lock, lists, userViews } = shadow
  const raise = (rule: string, text: string, parameter?: number): never =>
    kernel.ledger.raise({
      rule,
      routine: 'IoFreeMdl',
      text,
      ...(parameter === undefined ? {} : { bugCheck: { code: 0xc4, parameter } }),
    })
  const partial = mdl.has(MdlFlags.MDL_PARTIAL)
  if (origin === 'pages') raise('MDL-123', 'its pages go back by MmFreePagesFromMdl, and then it by ExFreePool')
  if (origin === 'caller') raise('MDL-020', 'IoAllocateMdl has not allocated the MDL')
  if (partial ? userViews.size > 0 : isMapped(shadow)) raise('VER-012', 'the pages are still mapped', 0xb8)
  const locked = lock !== undefined || mdl.has(MdlFlags.MDL_PAGES_LOCKED)
  if (origin === 'io' && locked) raise('MDL-028', 'the pages are still locked')
  if (lists > 0) raise('DMA-025', 'a scatter/gather list of its pages waits, or is not put back')
}
