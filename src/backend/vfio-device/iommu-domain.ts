import { type BusAddress, busAddress } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { BusAllocator, clipApertures } from '../../device/aperture.ts'
import type { Aperture, DmaAccess } from '../../device/contract.ts'
import { IovaDomain, type Translation } from '../iova-domain.ts'
import type { VfioOptions } from './target.ts'
import { DmaFlag } from './uapi.ts'

/** What the kernel says of an address space behind an IOMMU. */
export interface IommuSpace {
  /** first, last, first, last, … inclusive. */
  readonly ranges: BigUint64Array
  readonly maxEntries: number
  readonly translation: Translation
}

/** A domain behind the machine's IOMMU, where Probar chooses bus addresses within the kernel's ranges. */
export function iommuDomain(space: IommuSpace, { addressBits, random, keepFree }: VfioOptions): IovaDomain {
  const apertures = clipApertures(aperturesOf(space.ranges), addressBits)
  const capabilities = {
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
