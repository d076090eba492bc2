import { type Va, va } from '../../base/address.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/pages.ts'
import { KIRQL, MdlFlags } from '../constants.ts'
import { sliceRanges } from '../mm/io-space/ranges.ts'
import { requirePages } from '../mm/mapping/mappable.ts'
import {
  ADDRESS_AND_SIZE_TO_SPAN_PAGES,
  type Mdl,
  MmGetMdlByteCount,
  MmGetMdlVirtualAddress,
  describesLockedPages,
} from '../mm/mdl.ts'
import { type MdlShadow, describesPages, isMapped, seal } from '../mm/mdl-shadows.ts'
import type { MmState } from '../mm/state.ts'

export interface PartialRequest {
  readonly SourceMdl: Mdl | null
  readonly TargetMdl: Mdl | null
  readonly VirtualAddress: Va
  /** 0 for all to the end of the source. */
  readonly Length: number
}

const ROUTINE = 'IoBuildPartialMdl'
const { MDL_ALLOCATED_FIXED_SIZE, MDL_ALLOCATED_MUST_SUCCEED, MDL_PARTIAL } = MdlFlags
const { MDL_IO_PAGE_READ, MDL_SOURCE_IS_NONPAGED_POOL, MDL_MAPPED_TO_SYSTEM_VA, MDL_IO_SPACE } = MdlFlags

/** MDL-103 */
const KEPT = MDL_ALLOCATED_FIXED_SIZE | MDL_ALLOCATED_MUST_SUCCEED
const INHERITED = MDL_IO_PAGE_READ | MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA | MDL_IO_SPACE

/** IoBuildPartialMdl. */
export function buildPartialMdl(state: MmState, request: PartialRequest): void {
  const { kernel, mdls } = state
  kernel.requireIrql(ROUTINE, 'MDL-031', KIRQL.DISPATCH_LEVEL)
  const source = mdls.check(ROUTINE, request.SourceMdl)
  const target = mdls.known(ROUTINE, request.TargetMdl)
  requireSource(state, source)
  requireReusable(state, source, target)
  const length = lengthOf(state, source, request)
  const pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(request.VirtualAddress, length)
  if (pages > target.mdl.capacity) {
    const text = `the target has room for ${target.mdl.capacity} pages, the part has ${pages}`
    kernel.ledger.raise({ rule: 'MDL-101', routine: ROUTINE, text })
  }
  describe(source, target, request.VirtualAddress, length)
  share(source, target, pages)
  seal(target)
}

function requireSource(state: MmState, source: MdlShadow): void {
  requirePages(state, ROUTINE, source)
  if (describesPages(source) && describesLockedPages(source.mdl)) return
  state.kernel.ledger.raise({ rule: 'MDL-100', routine: ROUTINE, text: "the source's pages are not locked" })
}

/** MDL-106: a mapping that the target made for itself would be lost. */
function requireReusable({ kernel }: MmState, source: MdlShadow, target: MdlShadow): void {
  const raise = (rule: string, text: string): never => kernel.ledger.raise({ rule, routine: ROUTINE, text })
  const whole = describesPages(target) && target.partialOf === undefined
  if (source === target || whole) raise('MDL-101', 'the target describes pages of its own')
  if (isMapped(target)) raise('MDL-106', 'the target is still mapped: MmPrepareMdlForReuse comes first')
  if (target.lists > 0) raise('DMA-025', 'a scatter/gather list of the target is not put back')
}

/** @throws BugCheck INVALID_MDL_RANGE when the part is not inside the source, or is nothing */
function lengthOf({ kernel }: MmState, { mdl }: MdlShadow, { VirtualAddress, Length }: PartialRequest): number {
  const offset = VirtualAddress - MmGetMdlVirtualAddress(mdl)
  const rest = MmGetMdlByteCount(mdl) - Number(offset)
  if (offset >= 0n && rest > 0 && Number.isInteger(Length) && Length >= 0 && Length <= rest) {
    return Length === 0 ? rest : Length
  }
  const text = `${Length} bytes from byte ${offset} on are not inside the source's ${MmGetMdlByteCount(mdl)}`
  const bugCheck = { code: 0x12e, parameter: Number(mdl.address) }
  return kernel.ledger.raise({ rule: 'MDL-100', routine: ROUTINE, text, bugCheck })
}

/** MDL-102, MDL-103, MDL-104: the header. Size stays that of the target's own memory. */
function describe({ mdl: source }: MdlShadow, { mdl: target }: MdlShadow, address: Va, length: number): void {
  const offset = address - MmGetMdlVirtualAddress(source)
  target.header.set('StartVa', (address >> BigInt(PAGE_SHIFT)) << BigInt(PAGE_SHIFT))
  target.header.set('ByteOffset', Number(address & BigInt(PAGE_SIZE - 1)))
  target.header.set('ByteCount', length)
  target.header.set('Process', source.header.get('Process'))
  target.MdlFlags = (target.MdlFlags & KEPT) | (source.MdlFlags & INHERITED) | MDL_PARTIAL
  const lent = (source.MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) !== 0
  target.header.set('MappedSystemVa', lent ? source.header.get('MappedSystemVa') + offset : 0n)
}

/** The same frames, not copies of them: what one of the MDLs shows, the other does. */
function share(source: MdlShadow, target: MdlShadow, pages: number): void {
  const startOf = ({ mdl }: MdlShadow): bigint => mdl.header.get('StartVa')
  const first = Number((startOf(target) - startOf(source)) >> BigInt(PAGE_SHIFT))
  target.mdl.slots().set(source.mdl.slots().subarray(first, first + pages))
  target.frames = source.frames.subarray(first, first + pages)
  target.ranges = sliceRanges(source.ranges, first, pages)
  const root = source.partialOf?.root ?? source
  target.partialOf?.root.parts.delete(target)
  root.parts.add(target)
  target.partialOf = { root, frames: root.frames, lender: lenderOf(source) }
}

/** Who owns the system view that the source has by its bytes. */
function lenderOf(source: MdlShadow): { readonly shadow: MdlShadow; readonly view: Va } | undefined {
  if (source.systemView !== undefined) return { shadow: source, view: va(source.systemView) }
  return source.mdl.has(MDL_MAPPED_TO_SYSTEM_VA) ? source.partialOf?.lender : undefined
}
