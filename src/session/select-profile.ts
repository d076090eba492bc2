import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import type { DeviceIdentity } from '../device/contract.ts'
import { checkProfileMatches, loadProfile, matchProfiles, profileNames } from '../profile/load.ts'
import type { Profile } from '../profile/schema.ts'

/**
 * The profile that was asked for, or the only one that matches.
 * @param known among which to look for one; those that come with Probar unless told
 * @throws ProbarError profile-unknown, profile-invalid, profile-mismatch, profile-ambiguous
 */
export function selectProfile(
  asked: string | undefined,
  identity: DeviceIdentity,
  known: () => readonly Profile[] = () => profileNames().map(loadProfile),
): Profile {
  if (asked !== undefined) {
    const profile = loadProfile(asked)
    checkProfileMatches(profile, identity)
    return profile
  }
  const [first, ...others] = matchProfiles(identity, known())
  const ids = `${hex(identity.vendor, 4)}:${hex(identity.device, 4)}`
  if (first === undefined) {
    throw new ProbarError(
      'profile-unknown',
      `no profile matches the device ${ids}: write one (docs/profiles.md), name it by --profile`,
    )
  }
  if (others.length === 0) return first
  const names = [first, ...others].map(({ name }) => name).join(', ')
  throw new ProbarError('profile-ambiguous', `several profiles match the device ${ids}: ${names}; choose by --profile`)
}
