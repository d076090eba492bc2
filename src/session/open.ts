import { ProbarError } from '../base/errors.ts'
import { type Random, seededRandom } from '../base/random.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import { openLoopback } from '../backend/loopback/device.ts'
import { openVfio } from '../backend/vfio/open.ts'
import type { VfioTarget } from '../backend/vfio/target.ts'
import type { Aperture, Device, DeviceIdentity } from '../device/contract.ts'
import { busAddress } from '../base/address.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import { FrameStore } from '../memory/frame-store.ts'
import { type Bank, placeBanks } from '../memory/banks.ts'
import { type Native, loadNative } from '../native/load.ts'
import { openModel } from './open-model.ts'
import { selectProfile } from './select-profile.ts'
import type { Profile } from '../profile/schema.ts'
import { type BackendName, type DeviceReference, parseReference } from './reference.ts'
import { Session } from './session.ts'
import type { Plant } from './plant.ts'
import { vfioTarget } from './vfio-target.ts'

export interface SessionOptions {
  /** `loopback:edu`, `vfio:0000:01:00.0`, or a PCI address. */
  readonly device: string
  /** A name from hw-profiles/ or a file; by default the one profile that matches the device. */
  readonly profile?: string
  readonly backend?: BackendName
  /** Scatters frames and bus addresses; the same seed gives the same run. 1 unless told. */
  readonly seed?: bigint
  /** Native code to use instead of what is found. */
  readonly native?: Native
  /** Defects to plant, for tests of the cases themselves. */
  readonly plant?: Plant
}

/** Frames of a session: 16 MiB. */
const FRAMES = 4096

/**
 * Opens a device and everything above it.
 * @throws ProbarError reference-unknown, device-absent, device-driver, permission-denied, profile-mismatch, … ; nothing stays open then
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const reference = parseReference(options.device, options.backend)
  const native = options.native ?? loadNative()
  const found = identify(reference)
  const profile = selectProfile(options.profile, found.identity)
  const seed = options.seed ?? 1n
  const random = seededRandom(seed)
  const banks = placeBanks(FRAMES, found.avoid)
  const device = openDevice(reference.ref, { ...found, native, profile, random, keepFree: banks.map(bankRange) })
  try {
    const frames = new FrameStore({ native: native.memory, frames: FRAMES, random, avoid: found.avoid })
    return await Session.start({ device, frames, profile, random, seed, plant: options.plant ?? {} })
  } catch (error) {
    device.close()
    throw error
  }
}

interface Found {
  readonly identity: DeviceIdentity
  /** Physical ranges of its BARs. */
  readonly avoid: readonly { readonly start: bigint; readonly size: number }[]
  /** Absent for a model. */
  readonly target?: VfioTarget
}

/** What the device is, before anything of it is taken. */
function identify(reference: DeviceReference): Found {
  if (reference.backend === 'vfio') {
    const target = vfioTarget(reference.address)
    return { identity: target.identity, avoid: target.bars, target }
  }
  using model = openModel(reference.ref)
  return { identity: model.identity, avoid: model.regions.map(({ start, size }) => ({ start, size })) }
}

interface Opening extends Found {
  readonly native: Native
  readonly profile: Profile
  readonly random: Random
  readonly keepFree: readonly Aperture[]
}

function openDevice(ref: string, { native, profile, random, keepFree, target }: Opening): Device {
  const addressBits = profile.dma?.addressBits ?? 64
  const uint32 = (): number => random.below(2 ** 32)
  if (target === undefined) {
    return openLoopback(ref, { clock: new VirtualClock(), random: uint32, addressBits, keepFree })
  }
  const { vfio, memory } = native
  if (vfio === undefined || memory.provider !== 'addon') {
    const why = native.addonProblem ?? 'it was not built'
    throw new ProbarError('addon-missing', `VFIO needs Probar's addon: ${why}`)
  }
  return openVfio(target, {
    native: { ...memory, ...vfio },
    addressBits,
    random: uint32,
    keepFree,
  })
}

/** Bus addresses equal to frame addresses stay free, so that code which mixes the two hits nothing (HC-2). */
function bankRange(bank: Bank): Aperture {
  const start = BigInt(bank.firstPfn) * BigInt(PAGE_SIZE)
  return { first: busAddress(start), last: busAddress(start + BigInt(bank.count * PAGE_SIZE) - 1n) }
}
