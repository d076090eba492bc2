import { busAddress } from '../../../base/address.ts'
import { codeOf } from '../../../base/errors.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { DmaDomain, Mapping } from '../../../device/contract.ts'
import { unmapWhole } from '../../../device/unmap-whole.ts'
import type { AdapterState } from '../state.ts'

/** Logical addresses that a common buffer may have (DMA-053). */
export interface Bounds {
  /** Inclusive. */
  readonly minimum: bigint
  /** Exclusive. */
  readonly maximum: bigint
}

/** Places that are tried between bounds; each asks the platform. */
const ATTEMPTS = 1024

const PAGE = BigInt(PAGE_SIZE)

/**
 * One range of bus addresses for adjacent frames, within the bounds, the adapter's reach and the platform's boundary;
 * reading and writing (DMA-050).
 * @returns undefined when there is no such place. @throws what the domain throws for other reasons
 */
export function mapJoined(state: AdapterState, indices: Uint32Array, bounds: Bounds): Mapping | undefined {
  const { domain, kernel, addressWidth, platform } = state
  const frames = { memory: kernel.frames, indices }
  const bytes = BigInt(indices.length * PAGE_SIZE)
  const end = least(bounds.maximum, 1n << BigInt(addressWidth))
  const isInside = ({ segments }: Mapping): boolean => {
    const { bus } = segments.at(0)
    return bus >= bounds.minimum && bus + bytes <= end && !crosses(bus, bytes, platform.boundary)
  }
  const placements = [
    { kind: 'join', addressBits: addressWidth } as const,
    ...places(domain, bounds.minimum, end, bytes, platform.boundary > 0 ? powerOfTwoFor(bytes) : PAGE),
  ]
  for (const placement of placements) {
    try {
      const mapping = domain.map(frames, 'both', placement)
      if (isInside(mapping)) return mapping
      unmapWhole(mapping)
    } catch (error) {
      if (!TAKEN.has(codeOf(error) ?? '')) throw error
    }
  }
  return undefined
}

/** What a place that cannot be had ends in; anything else is no matter of the place. */
const TAKEN: ReadonlySet<string> = new Set(['dma-overlap', 'dma-outside-aperture'])

/** @param alignment a power of two; one that the range fits into keeps it from every boundary that is not smaller */
function* places(domain: DmaDomain, minimum: bigint, end: bigint, bytes: bigint, alignment: bigint) {
  if (domain.capabilities.placement !== 'caller') return
  for (const aperture of domain.capabilities.apertures) {
    const first = roundUp(most(minimum, aperture.first, PAGE), alignment)
    const room = least(end, aperture.last + 1n) - first - bytes
    if (room < 0n) continue
    const step = roundUp(most(bytes + 2n * PAGE, room / BigInt(ATTEMPTS)), alignment)
    for (let at = first; at <= first + room; at += step) yield { kind: 'at', bus: busAddress(at) } as const
  }
}

const crosses = (start: bigint, bytes: bigint, boundary: number): boolean =>
  boundary > 0 && start / BigInt(boundary) !== (start + bytes - 1n) / BigInt(boundary)

const roundUp = (address: bigint, unit: bigint): bigint => ((address + unit - 1n) / unit) * unit
const powerOfTwoFor = (bytes: bigint): bigint => most(PAGE, 1n << BigInt((bytes - 1n).toString(2).length))
const least = (one: bigint, other: bigint): bigint => (one < other ? one : other)
const most = (...all: readonly bigint[]): bigint => all.reduce((one, other) => (one > other ? one : other))
