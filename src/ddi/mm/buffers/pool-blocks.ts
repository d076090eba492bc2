import type { Va } from '../../../base/address.ts'
import { NtStatusError } from '../../../base/errors.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { KIRQL, POOL_FLAG } from '../../constants.ts'
import type { DriverBlock, DriverPoolRequest, PoolType } from '../../kernel/driver-pool.ts'
import { hasResult } from '../../kernel/shortages.ts'
import { MmGetMdlVirtualAddress } from '../mdl.ts'
import { type MdlShadow, isMapped, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'

export interface PoolRequest {
  readonly Flags: number
  readonly NumberOfBytes: number
  readonly Tag: number
}

const KNOWN = Object.values(POOL_FLAG).reduce((all, flag) => all | flag, 0)
const TYPES = POOL_FLAG.POOL_FLAG_NON_PAGED | POOL_FLAG.POOL_FLAG_PAGED

/** ExAllocatePool2. */
export function allocatePoolBlock(state: MmState, { Flags, NumberOfBytes, Tag }: PoolRequest): Va | null {
  const routine = 'ExAllocatePool2'
  const { kernel } = state
  const paged = (Flags & POOL_FLAG.POOL_FLAG_PAGED) !== 0
  const [highest, code] = paged ? [KIRQL.APC_LEVEL, 0x01] : [KIRQL.DISPATCH_LEVEL, 0x02]
  kernel.verifyIrql(routine, { rule: 'VER-013', highest, code })
  if (NumberOfBytes === 0) {
    const bugCheck = { code: 0xc4, parameter: 0x00 }
    kernel.ledger.raise({ rule: 'VER-011', routine, text: 'a block of no bytes', bugCheck })
  }
  const raises = (Flags & POOL_FLAG.POOL_FLAG_RAISE_ON_FAILURE) !== 0
  const zeroed = (Flags & POOL_FLAG.POOL_FLAG_UNINITIALIZED) === 0
  const type: PoolType = paged ? 'paged-pool' : 'nonpaged-pool'
  const valid = isValid(Flags, NumberOfBytes, Tag)
  const block = valid ? take(state, { size: NumberOfBytes, type, tag: Tag, zeroed }) : undefined
  if (block !== undefined) return block.address
  if (!raises) return null
  const status = valid ? NtStatus.STATUS_INSUFFICIENT_RESOURCES : NtStatus.STATUS_INVALID_PARAMETER
  throw new NtStatusError(status, `no pool block of ${NumberOfBytes} bytes`)
}

/** ExFreePoolWithTag; without a tag ExFreePool. */
export function freePoolBlock(state: MmState, routine: string, address: Va, tag?: number): void {
  const block = blockAt(state, routine, address)
  const { kernel } = state
  const paged = block.type === 'paged-pool'
  const [highest, code] = paged ? [KIRQL.APC_LEVEL, 0x11] : [KIRQL.DISPATCH_LEVEL, 0x12]
  kernel.verifyIrql(routine, { rule: 'VER-013', highest, code })
  if (tag !== undefined && tag !== 0 && tag !== block.tag) {
    const bugCheck = { code: 0xc2, parameter: 0x0a }
    kernel.ledger.raise({ rule: 'VER-011', routine, text: 'the tag is not that of the block', bugCheck })
  }
  const described = nonPagedOver(state, block)
  requireUnseen(state, routine, described)
  kernel.driverPool.free(block)
  // The frames are anybody's from now on (MDL-013).
  for (const shadow of described) forget(shadow)
}

/** MDLs that name pages of the block without holding them by a lock, parts included (MDL-040). */
function nonPagedOver({ mdls }: MmState, { address, size }: DriverBlock): readonly MdlShadow[] {
  return mdls.all().filter((shadow) => {
    const { lock, origin, frames } = shadow.partialOf?.root ?? shadow
    if (lock !== undefined || origin === 'pages' || frames.length === 0) return false
    const start = MmGetMdlVirtualAddress(shadow.mdl)
    return start >= address && start < address + BigInt(size)
  })
}

/** A user or a device that reaches the pages would reach those of whoever has them next. */
function requireUnseen({ kernel }: MmState, routine: string, described: readonly MdlShadow[]): void {
  if (described.some(isMapped)) {
    const bugCheck = { code: 0xc4, parameter: 0xb8 }
    kernel.ledger.raise({
      rule: 'VER-012',
      routine,
      text: 'a mapping of an MDL over the block is still there',
      bugCheck,
    })
  }
  if (described.some(({ lists }) => lists > 0)) {
    kernel.ledger.raise({ rule: 'DMA-025', routine, text: 'a scatter/gather list over the block is not put back' })
  }
}

function forget(shadow: MdlShadow): void {
  shadow.frames = new Uint32Array()
  seal(shadow)
}

function isValid(flags: number, bytes: number, tag: number): boolean {
  const type = flags & TYPES
  const oneType = type === POOL_FLAG.POOL_FLAG_NON_PAGED || type === POOL_FLAG.POOL_FLAG_PAGED
  return (flags & ~KNOWN) === 0 && oneType && tag !== 0 && Number.isSafeInteger(bytes) && bytes > 0
}

function take({ kernel }: MmState, request: DriverPoolRequest): DriverBlock | undefined {
  if (kernel.lowResources.strikes('ExAllocatePool2')) return undefined
  try {
    return kernel.driverPool.allocate(request)
  } catch (error) {
    kernel.shortages.note(error)
    if (hasResult(error)) return undefined
    throw error
  }
}

function blockAt({ kernel }: MmState, routine: string, address: Va): DriverBlock {
  const block = kernel.driverPool.at(address)
  if (block !== undefined) return block
  const freed = kernel.driverPool.wasFreed(address)
  const text = freed ? 'the block was freed before' : 'no block begins at the address'
  return kernel.ledger.raise({
    rule: 'VER-011',
    routine,
    text,
    bugCheck: { code: 0xc4, parameter: freed ? 0x13 : 0x10 },
  })
}
