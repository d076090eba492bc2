import type { PoolBlock } from '../../kernel/pool.ts'
import { Struct } from '../../layout/struct.ts'
import { MM_PHYSICAL_ADDRESS_LIST } from '../../layout/x64.ts'

/** An array of MM_PHYSICAL_ADDRESS_LIST in memory of the caller's (MDL-132). */
export class PhysicalAddressList {
  /** Entries for which there is room. */
  readonly capacity: number
  readonly #block: PoolBlock

  constructor(block: PoolBlock) {
    this.#block = block
    this.capacity = Math.floor(block.size / MM_PHYSICAL_ADDRESS_LIST.size)
  }

  /** @throws RangeError where there is no room for it */
  entry(index: number): Struct<typeof MM_PHYSICAL_ADDRESS_LIST> {
    return new Struct(MM_PHYSICAL_ADDRESS_LIST, this.#block, index * MM_PHYSICAL_ADDRESS_LIST.size)
  }
}
