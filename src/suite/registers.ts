import type { Device } from '../device/contract.ts'
import type { Profile } from '../profile/schema.ts'

/** A register whose answer the profile tells beforehand. */
export interface KnownRegister {
  readonly name: string
  /** BAR index. */
  readonly region: number
  /** Bytes from the BAR's start. */
  readonly offset: number
  /** What a read gives, under the mask; for constants only. */
  readonly mask: number
  readonly value: number
}

/**
 * The first 32-bit register of a profile with this behaviour, in a BAR that can be mapped: cases reach it through a
 * mapping, and a BAR of less than a page has none.
 */
export function findRegister(
  profile: Profile,
  behaviour: 'constant' | 'inverts',
  { regions }: Pick<Device, 'regions'>,
): KnownRegister | undefined {
  for (const region of profile.regions) {
    if (!regions.some(({ index, mappable }) => index === region.index && mappable)) continue
    for (const [name, register] of Object.entries(region.registers ?? {})) {
      const known = register.behaviour
      if (register.width !== 32 || known === undefined || !(behaviour in known)) continue
      const constant = 'constant' in known ? known.constant : { mask: 0n, value: 0n }
      const { mask, value } = { mask: Number(constant.mask), value: Number(constant.value) }
      return { name, region: region.index, offset: register.offset, mask, value }
    }
  }
  return undefined
}
