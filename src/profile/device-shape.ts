import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import type { Device, InterruptKind } from '../device/contract.ts'
import type { Profile, ProfileRegion } from './schema.ts'

type Shape = Pick<Device, 'regions' | 'interrupts'>

/**
 * That the opened device has what the profile says it has: ids alone don't tell a variant with another BAR size or
 * fewer vectors, and cases would then read and write at places that are something else. What the profile leaves out
 * may be anything. INTx may be missing where the platform doesn't route it.
 * @throws ProbarError profile-mismatch with all differences
 */
export function checkDeviceShape(profile: Profile, device: Shape): void {
  const differences = [
    ...profile.regions.flatMap((region) => regionDifference(region, device)),
    ...(['intx', 'msi', 'msix'] as const).flatMap((kind) => vectorDifference(kind, profile, device)),
  ]
  if (differences.length === 0) return
  throw new ProbarError(
    'profile-mismatch',
    `the profile ${profile.name} is of another device, or wrong: ${differences.join('; ')}. ` +
      "'probar inspect' shows what the device has; mend the profile, or name another by --profile",
  )
}

function regionDifference({ index, kind, size }: ProfileRegion, { regions }: Shape): readonly string[] {
  const wanted = `BAR ${index} is ${words[kind]} of ${hex(size)} bytes in the profile`
  const found = regions.find((region) => region.index === index && region.kind !== 'rom')
  if (found === undefined) return [`${wanted}, but the device has no BAR ${index}`]
  if (found.kind === kind && found.size === size) return []
  return [`${wanted}, but ${words[found.kind]} of ${hex(found.size)} bytes on the device`]
}

const words = { memory: 'memory', io: 'I/O ports', rom: 'ROM' } as const

function vectorDifference(kind: InterruptKind, { interrupts }: Profile, device: Shape): readonly string[] {
  const wanted = interrupts[kind]
  const found = device.interrupts.vectors[kind]
  if (wanted === undefined || wanted === found || (kind === 'intx' && found === 0)) return []
  return [`${kind} has ${wanted} vectors in the profile, but ${found} on the device`]
}
