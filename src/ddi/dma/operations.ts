import type { Kernel } from '../kernel/kernel.ts'
import type { PoolBlock } from '../kernel/pool.ts'
import { Struct } from '../layout/struct.ts'
import { DMA_ADAPTER, DMA_OPERATIONS } from '../layout/x64.ts'
import type { OperationsVersion } from './state.ts'

/** Bytes of DMA_OPERATIONS of each version (DMA-001). */
const TABLE_SIZE: Readonly<Record<OperationsVersion, number>> = {
  1: DMA_OPERATIONS.fields.CalculateScatterGatherList.offset,
  2: DMA_OPERATIONS.fields.GetDmaAdapterInfo.offset,
  3: DMA_OPERATIONS.size,
}

/** Members that stay NULL: of the system's DMA controller, of domains and vectors, and one reserved for the system. */
const NOT_OFFERED: ReadonlySet<string> = new Set([
  'ReadDmaCounter',
  'BuildMdlFromScatterGatherList',
  'ConfigureAdapterChannel',
  'AllocateDomainCommonBuffer',
  'FlushDmaBuffer',
  'JoinDmaDomain',
  'LeaveDmaDomain',
  'GetDmaDomain',
  'AllocateCommonBufferVector',
  'GetCommonBufferFromVectorByIndex',
  'FreeCommonBufferFromVector',
  'FreeCommonBufferVector',
])

/**
 * A DMA_ADAPTER with its DMA_OPERATIONS behind it, in x64 layout. Version is 1, whatever the operations are (DMA-011,
 * ERR-29). There is no code to point at: what the adapter offers has its own place in the table as its value, so that a
 * driver can tell it from NULL.
 * @returns undefined when the pool has no room
 */
export function newAdapterBytes({ pool }: Kernel, version: OperationsVersion): PoolBlock | undefined {
  const size = TABLE_SIZE[version]
  const block = pool.allocate(DMA_ADAPTER.size + size)
  if (block === undefined) return undefined
  const adapter = new Struct(DMA_ADAPTER, block)
  const table = block.address + BigInt(DMA_ADAPTER.size)
  adapter.set('Version', 1)
  adapter.set('Size', DMA_ADAPTER.size)
  adapter.set('DmaOperations', table)
  block.data.setUint32(DMA_ADAPTER.size, size, true)
  for (const [name, { offset }] of Object.entries(DMA_OPERATIONS.fields)) {
    if (name === 'Size' || offset >= size || NOT_OFFERED.has(name)) continue
    block.data.setBigUint64(DMA_ADAPTER.size + offset, table + BigInt(offset), true)
  }
  return block
}
