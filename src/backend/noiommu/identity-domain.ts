import { busAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type {
  DmaAccess,
  DmaCapabilities,
  DmaDomain,
  Frames,
  HostMemory,
  Mapping,
  Placement,
} from '../../device/contract.ts'
import { Segments } from '../../device/segments.ts'
import type { PhysicalSurface } from '../../native/surface.ts'
import { NO_ENTRY_LIMIT } from '../vfio-device/target.ts'

/**
 * No IOMMU: the device's bus addresses are the machine's physical addresses. Nothing is mapped and nothing can be
 * refused; a mapping only tells where the frames lie.
 */
export class IdentityDomain implements DmaDomain {
  readonly capabilities: DmaCapabilities
  readonly #native: PhysicalSurface
  readonly #addressBits: number
  readonly #mappings = new Set<IdentityMapping>()
  /** Physical page numbers by area: huge pages stay where they are. */
  readonly #pages = new Map<number, Float64Array>()
  #closed = false

  constructor(native: PhysicalSurface, addressBits: number) {
    this.#native = native
    this.#addressBits = addressBits
    this.capabilities = {
      placement: 'identity',
      revocable: false,
      writeOnly: false,
      maxEntries: NO_ENTRY_LIMIT,
      pageSize: PAGE_SIZE,
      apertures: [{ first: busAddress(0), last: busAddress(lastOf(addressBits)) }],
      addressBits,
    }
  }

  get entries(): number {
    let entries = 0
    for (const { segments } of this.#mappings) entries += segments.count
    return entries
  }

  map(frames: Frames, access: DmaAccess, placement: Placement = { kind: 'scatter' }): Mapping {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
    if (frames.indices.length === 0) throw new ProbarError('dma-empty', 'a mapping has at least one frame')
    const segments = segmentsOf(this.#pagesOf(frames))
    this.#checkReach(segments, placement)
    checkPlacement(segments, placement)
    const mapping = new IdentityMapping(segments, access, (gone) => this.#mappings.delete(gone))
    this.#mappings.add(mapping)
    return mapping
  }

  close(): void {
    this.#closed = true
    for (const mapping of this.#mappings) mapping.unmap()
  }

  #pagesOf({ memory, indices }: Frames): Float64Array {
    const all = this.#allPages(memory)
    return Float64Array.from(indices, (index) => {
      const page = all[index]
      if (page !== undefined) return page
      throw new ProbarError('range-outside', `frame ${index} is not in the memory of ${all.length} frames`)
    })
  }

  #allPages({ area }: HostMemory): Float64Array {
    const known = this.#pages.get(area) ?? this.#native.physicalFrames(area)
    this.#pages.set(area, known)
    return known
  }

  /** The device's reach, or the user's where that is less. */
  #checkReach(segments: Segments, placement: Placement): void {
    const asked = placement.kind === 'at' ? undefined : placement.addressBits
    const reach = lastOf(Math.min(asked ?? this.#addressBits, this.#addressBits))
    for (const { bus, length } of segments) {
      const last = bus + BigInt(length) - 1n
      if (last <= reach) continue
      const place = `${hex(bus)}-${hex(last)} is where the frames lie, but only addresses up to ${hex(reach)} are reached`
      const mend =
        'without an IOMMU there is no other place for them: use a device with wider addresses, or less memory'
      throw new ProbarError('dma-outside-aperture', `${place}; ${mend}`)
    }
  }
}

const lastOf = (addressBits: number): bigint => (1n << BigInt(addressBits)) - 1n

class IdentityMapping implements Mapping {
  readonly segments: Segments
  readonly access: DmaAccess
  readonly size: number
  readonly #gone: (mapping: IdentityMapping) => void
  #mapped = true

  constructor(segments: Segments, access: DmaAccess, gone: (mapping: IdentityMapping) => void) {
    this.segments = segments
    this.access = access
    this.size = segments.size
    this.#gone = gone
  }

  unmap(): number {
    if (!this.#mapped) throw new ProbarError('dma-unmapped', 'this mapping was unmapped before')
    this.#mapped = false
    this.#gone(this)
    return this.size
  }

  [Symbol.dispose](): void {
    if (this.#mapped) this.unmap()
  }
}

/** Pages that follow one another in physical memory are one segment. */
function segmentsOf(pages: Float64Array): Segments {
  const starts: bigint[] = []
  const lengths: number[] = []
  pages.forEach((page, index) => {
    if (index > 0 && page === (pages[index - 1] ?? 0) + 1)
      lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + PAGE_SIZE
    else {
      starts.push(BigInt(page) * BigInt(PAGE_SIZE))
      lengths.push(PAGE_SIZE)
    }
  })
  return new Segments(BigUint64Array.from(starts), Float64Array.from(lengths))
}

function checkPlacement(segments: Segments, placement: Placement): void {
  if (placement.kind === 'scatter') return
  const at = placement.kind === 'at' ? placement.bus : segments.at(0).bus
  if (segments.count === 1 && segments.at(0).bus === at) return
  const wanted = placement.kind === 'join' ? 'one range of bus addresses' : `the bus address ${hex(at)}`
  throw new ProbarError(
    'capability-missing',
    `without an IOMMU frames cannot be given ${wanted}: they are where they lie`,
  )
}
