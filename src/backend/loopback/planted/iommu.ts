import { advance, type BusAddress } from '../../../base/address.ts'
import { codeOf } from '../../../base/errors.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { HostMemory } from '../../../device/contract.ts'
import type { FaultSink } from '../faults.ts'
import { type Direction, type Entry, type Iommu, SimulatedIommu, type Translation } from '../iommu.ts'
import type { Defects } from './defects.ts'

/** The simulated IOMMU with what is planted into it. */
export class PlantedIommu implements Iommu {
  readonly maxEntries: number
  readonly #iommu: Iommu
  readonly #defects: Defects
  /** What was unmapped, last first, for a device that still reaches it. */
  #stale: Iommu[] = []
  /** What is mapped, where it may become stale. */
  readonly #mapped = new Set<Entry>()
  #memory: HostMemory | undefined
  /** The last mapping was refused, and nothing was mapped since. */
  #refused = false

  constructor(iommu: Iommu, defects: Defects) {
    this.#iommu = iommu
    this.#defects = defects
    this.maxEntries = iommu.maxEntries
  }

  get entries(): number {
    return this.#iommu.entries
  }

  map(entry: Entry): void {
    const granted: Entry = this.#defects.has('iommu-ignores-permissions') ? { ...entry, access: 'both' } : entry
    try {
      this.#iommu.map(granted)
      this.#refused = false
    } catch (error) {
      this.#refused = true
      if (this.#defects.has('iommu-accepts-overlap') && codeOf(error) === 'dma-overlap') return
      throw error
    }
    this.#memory = entry.memory
    if (this.#defects.has('iommu-keeps-translation')) this.#mapped.add(granted)
  }

  unmap(bus: BusAddress, length: number): number {
    if (this.#refused && this.#defects.has('iommu-refusal-leaks')) return 0
    const bytes = this.#iommu.unmap(bus, length)
    for (const entry of this.#mapped) {
      if (entry.bus < bus || entry.bus >= bus + BigInt(length)) continue
      const stale = new SimulatedIommu()
      stale.map(entry)
      this.#stale.unshift(stale)
      this.#mapped.delete(entry)
    }
    return this.#defects.has('unmap-short') ? Math.max(0, bytes - PAGE_SIZE) : bytes
  }

  translate(page: number, direction: Direction): Translation {
    const translation = this.#lookup(page, direction)
    if (!translation.reached || !this.#defects.has('dma-wrong-page')) return translation
    return { ...translation, offset: (translation.offset + PAGE_SIZE) % translation.memory.size }
  }

  #lookup(page: number, direction: Direction): Translation {
    const tables = [this.#iommu, ...this.#stale]
    const found = tables.map((table) => table.translate(page, direction)).find(({ reached }) => reached)
    if (found !== undefined) return found
    const offset = page * PAGE_SIZE
    if (this.#defects.has('iommu-identity') && this.#memory !== undefined && offset < this.#memory.size) {
      return { reached: true, memory: this.#memory, offset }
    }
    return this.#iommu.translate(page, direction)
  }
}

/** The fault log's input with what is planted into it. */
export function plantedFaults(faults: FaultSink, defects: Defects): FaultSink {
  return {
    record(fault) {
      if (defects.has('iommu-loses-faults')) return
      const other = fault.direction === 'read' ? 'write' : 'read'
      faults.record({
        ...fault,
        address: defects.has('iommu-wrong-fault-address') ? advance(fault.address, PAGE_SIZE) : fault.address,
        direction: defects.has('iommu-wrong-fault-direction') ? other : fault.direction,
      })
    },
  }
}
