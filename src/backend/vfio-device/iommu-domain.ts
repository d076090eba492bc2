import { type BusAddress, busAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { BusAllocator, clipApertures } from '../../device/aperture.ts'
import type { Aperture, DmaAccess } from '../../device/contract.ts'
import { IovaDomain, type Translation } from '../iova-domain.ts'
import type { VfioOptions } from './target.ts'
import { DmaFlag } from './uapi.ts'

/** What the kernel says of an address space behind an IOMMU. */
export interface IommuSpace {
  /** As the kernel calls what maps it. */
  readonly interface: string
  /** first, last, first, last, … inclusive; empty when the kernel does not tell, as before 5.4. */
  readonly ranges: BigUint64Array
  /** Bytes of the smallest page that it maps. */
  readonly smallestPage: number
  readonly maxEntries: number
  readonly translation: Translation
}

/** All but what a PC takes for an interrupt, whatever the IOMMU (Intel SDM volume 3, 11.11.1). */
const UNTOLD = BigUint64Array.of(0n, 0xfedf_ffffn, 0xfef0_0000n, 2n ** 64n - 1n)

/**
 * A domain behind the machine's IOMMU, where Probar chooses bus addresses within the kernel's ranges.
 * @throws ProbarError capability-missing when the IOMMU cannot map single frames
 */
export function iommuDomain(space: IommuSpace, { addressBits, random, keepFree }: VfioOptions): IovaDomain {
  if (space.smallestPage > PAGE_SIZE) {
    const why = `the IOMMU's smallest page has ${space.smallestPage} bytes`
    throw new ProbarError('capability-missing', `${why}; frames of ${PAGE_SIZE} bytes cannot be mapped one by one here`)
  }
  const apertures = clipApertures(aperturesOf(space.ranges.length > 0 ? space.ranges : UNTOLD), addressBits)
  const capabilities = {
    interface: space.interface,
    placement: 'caller',
    revocable: true,
    writeOnly: false,
    maxEntries: space.maxEntries,
    pageSize: PAGE_SIZE,
    apertures,
    addressBits,
  } as const
  const allocator = new BusAllocator(apertures, addressBits, random, keepFree)
  return new IovaDomain(capabilities, space.translation, allocator)
}

/** For mapDma and mapIoas. */
export const ACCESS_FLAGS: Readonly<Record<DmaAccess, number>> = {
  read: DmaFlag.read,
  write: DmaFlag.write,
  both: DmaFlag.read | DmaFlag.write,
}

function aperturesOf(ranges: BigUint64Array): readonly Aperture[] {
  const bound = (index: number): BusAddress => busAddress(ranges[index] ?? 0n)
  return Array.from({ length: ranges.length >> 1 }, (_, i) => ({ first: bound(2 * i), last: bound(2 * i + 1) }))
}
