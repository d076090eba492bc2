import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import type { DeviceIdentity } from '../device/contract.ts'
import { parseProfile } from './parse.ts'
import type { Profile } from './schema.ts'
import { hint } from './suggest.ts'

/** What a profile is matched against. */
export type PciIdentity = Omit<DeviceIdentity, 'driver' | 'group'>

/** Beside the package's src/ and dist/ alike. */
const folder = new URL('../../hw-profiles/', import.meta.url)
const EXTENSION = '.yaml'

/** The profiles that come with Probar, in alphabetical order. */
export function profileNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length))
    .toSorted()
}

/**
 * @param nameOrFile a name of profileNames(), or a file: it ends in .yaml or .yml or contains a slash
 * @throws ProbarError profile-unknown, profile-invalid
 */
export function loadProfile(nameOrFile: string): Profile {
  if (/[/\\]|\.ya?ml$/.test(nameOrFile)) return parseProfile(read(nameOrFile), nameOrFile)
  const names = profileNames()
  if (!names.includes(nameOrFile)) {
    const advice = `Probar brings ${names.join(', ')}; a file of your own is named with its path or .yaml`
    throw new ProbarError('profile-unknown', `no profile ${nameOrFile}${hint(nameOrFile, names)}; ${advice}`)
  }
  const file = fileURLToPath(new URL(nameOrFile + EXTENSION, folder))
  return parseProfile(read(file), file)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProbarError('profile-unknown', `the profile ${file} cannot be read: ${why}`, { cause: error })
  }
}

/** Those of the profiles that describe the device, but for those that are taken only by name. */
export function matchProfiles(identity: PciIdentity, profiles: readonly Profile[]): Profile[] {
  return profiles.filter((profile) => profile.onlyByName !== true && describesDevice(profile, identity))
}

/** @throws ProbarError profile-mismatch */
export function checkProfileMatches(profile: Profile, identity: PciIdentity): void {
  if (describesDevice(profile, identity)) return
  const wanted = profile.match.map(wantedIds).join(' or ')
  const subsystem = `subsystem ${pair(identity.subsystemVendor, identity.subsystem)}`
  const details = `${subsystem}, revision ${hex(identity.revision, 2)}, class ${hex(identity.classCode, 6)}`
  const found = `${pair(identity.vendor, identity.device)} (${details})`
  throw new ProbarError(
    'profile-mismatch',
    `the profile ${profile.name} is for ${wanted}, but the device is ${found}: choose another profile or another device`,
  )
}

type Match = Profile['match'][number]

function describesDevice({ match }: Profile, identity: PciIdentity): boolean {
  const fits = (wanted: number | undefined, found: number): boolean => wanted === undefined || wanted === found
  return match.some(
    (one) =>
      fits(one.vendor, identity.vendor) &&
      fits(one.device, identity.device) &&
      fits(one.subsystemVendor, identity.subsystemVendor) &&
      fits(one.subsystem, identity.subsystem) &&
      fits(one.revision, identity.revision) &&
      fits(one.class, identity.classCode),
  )
}

const pair = (vendor: number, device: number): string => `${hex(vendor, 4)}:${hex(device, 4)}`

function wantedIds(match: Match): string {
  const { subsystemVendor, subsystem, revision, class: classCode } = match
  const further = Object.entries({ 'subsystem vendor': subsystemVendor, subsystem, revision, class: classCode })
    .filter((entry): entry is [string, number] => entry[1] !== undefined)
    .map(([name, value]) => ` ${name} ${hex(value)}`)
  return pair(match.vendor, match.device) + further.join('')
}
