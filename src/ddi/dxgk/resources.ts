import { type PhysicalAddress, type Va, physicalAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Region } from '../../device/contract.ts'
import { CM_RESOURCE_MEMORY, CmResourceType, INTERFACE_TYPE } from '../constants.ts'
import { Struct } from '../layout/struct.ts'
import { CM_PARTIAL_RESOURCE_DESCRIPTOR, CM_RESOURCE_LIST } from '../layout/x64.ts'
import type { Pool, PoolBlock } from '../kernel/pool.ts'

/** A decoded memory or port resource. */
export interface Resource {
  readonly Type: number
  readonly Flags: number
  readonly Start: PhysicalAddress
  /** Bytes. */
  readonly Length: number
}

/** The translated CM_RESOURCE_LIST of an adapter, in its packed layout (DXM-001, DXM-011). */
export class TranslatedResourceList {
  readonly list: Struct<typeof CM_RESOURCE_LIST>
  readonly #block: PoolBlock

  constructor(pool: Pool, regions: readonly Region[]) {
    const block = pool.allocate(CM_RESOURCE_LIST.size + regions.length * CM_PARTIAL_RESOURCE_DESCRIPTOR.size)
    if (block === undefined) throw new ProbarError('out-of-memory', 'the pool has no room for the resource list')
    this.#block = block
    this.list = new Struct(CM_RESOURCE_LIST, block)
    this.list.set('Count', 1)
    this.list.set('List.InterfaceType', INTERFACE_TYPE.PCIBus)
    this.list.set('List.PartialResourceList.Version', 1)
    this.list.set('List.PartialResourceList.Revision', 1)
    this.list.set('List.PartialResourceList.Count', regions.length)
    regions.forEach((region, index) => this.#describe(this.descriptor(index), region))
  }

  get address(): Va {
    return this.list.address
  }

  get Count(): number {
    return this.list.get('List.PartialResourceList.Count')
  }

  /** The bytes of partial descriptor `index`. */
  descriptor(index: number): Struct<typeof CM_PARTIAL_RESOURCE_DESCRIPTOR> {
    const offset = CM_RESOURCE_LIST.size + index * CM_PARTIAL_RESOURCE_DESCRIPTOR.size
    return new Struct(CM_PARTIAL_RESOURCE_DESCRIPTOR, this.#block, offset)
  }

  resource(index: number): Resource {
    const descriptor = this.descriptor(index)
    return {
      Type: descriptor.get('Type'),
      Flags: descriptor.get('Flags'),
      Start: physicalAddress(descriptor.get('u.Memory.Start')),
      Length: descriptor.get('u.Memory.Length'),
    }
  }

  /** @throws ProbarError capability-missing for a BAR that needs CmResourceTypeMemoryLarge (DXM-013) */
  #describe(descriptor: Struct<typeof CM_PARTIAL_RESOURCE_DESCRIPTOR>, region: Region): void {
    if (region.size > 0xffff_ffff) {
      throw new ProbarError(
        'capability-missing',
        `BAR ${region.index} has 4 GiB or more, which resource lists do not describe yet`,
      )
    }
    const { CmResourceTypePort, CmResourceTypeMemory } = CmResourceType
    const { CM_RESOURCE_MEMORY_PREFETCHABLE, CM_RESOURCE_MEMORY_READ_WRITE } = CM_RESOURCE_MEMORY
    descriptor.set('Type', region.kind === 'io' ? CmResourceTypePort : CmResourceTypeMemory)
    descriptor.set('Flags', region.prefetchable ? CM_RESOURCE_MEMORY_PREFETCHABLE : CM_RESOURCE_MEMORY_READ_WRITE)
    descriptor.set('u.Memory.Start', region.start)
    descriptor.set('u.Memory.Length', region.size)
  }
}
