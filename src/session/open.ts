import { Disposal, undoAfter } from '../base/disposal.ts'
import { ProbarError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import { openLoopback } from '../backend/loopback/device.ts'
import type { Type1Version } from '../backend/vfio/open.ts'
import type { Aperture, Device, DeviceIdentity } from '../device/contract.ts'
import { busAddress } from '../base/address.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import { checkDeviceShape } from '../profile/device-shape.ts'
import { FrameStore } from '../memory/frame-store.ts'
import { type Bank, placeBanks } from '../memory/banks.ts'
import { refuseMachineUse } from '../host/linux/machine-use.ts'
import { readPciFunction } from '../host/linux/pci-functions.ts'
import { type Native, loadNative } from '../native/load.ts'
import { type MemorySizes, memorySizes } from './frames.ts'
import { openModel } from './open-model.ts'
import type { Profile } from '../profile/schema.ts'
import { selectProfile } from './select-profile.ts'
import { type BackendName, type DeviceReference, parseReference } from './reference.ts'
import { Session } from './session.ts'
import type { Plant } from './plant.ts'
import { type PciOptions, type PciTarget, checkAddon, findPciTarget, openPciTarget } from './target/pci-target.ts'
import { type TakingOptions, takeForSession } from './machine/take-device.ts'

export interface SessionOptions extends TakingOptions, Partial<MemorySizes> {
  /** `loopback:edu`, `vfio:0000:01:00.0`, `iommufd:…`, or a PCI address. */
  readonly device: string
  /** A name from hw-profiles/ or a file; by default the one profile that matches the device. */
  readonly profile?: string
  readonly backend?: BackendName
  /**
   * Needed for the back end `noiommu`: no IOMMU stands between the device and memory then, so that the device, or a
   * mistake in what it is told, can read and overwrite anything on the machine.
   */
  readonly unsafeNoIommu?: boolean
  /** Which version of the type 1 interface, for the back end `vfio`; 2 where the kernel has it unless told. */
  readonly type1?: Type1Version
  /** Scatters frames and bus addresses; the same seed gives the same run. 1 unless told. */
  readonly seed?: bigint
  /** Defects to plant, for tests of the cases themselves. */
  readonly plant?: Plant
}

/**
 * Opens a device and everything above it. A PCI function that vfio-pci does not have yet is taken from its driver, with the
 * rest of its IOMMU group, and given back when the session is closed or this process ends, however it does.
 * @throws ProbarError reference-unknown, device-absent, device-protected, device-busy, permission-denied,
 *   profile-mismatch, … ; nothing stays open or taken then
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const reference = parseReference(options.device, options.backend)
  checkUnsafe(reference, options.unsafeNoIommu === true)
  checkType1(reference, options.type1)
  const memory = memorySizes(options, reference.backend === 'noiommu')
  const native = options.native ?? loadNative()
  const found = identify(reference)
  // Before anything else is said of it: nobody should write a profile for the disk of the root file system.
  if (reference.backend !== 'loopback') refuseMachineUse([reference.address], options.machine)
  const profile = selectProfile(options.profile, found.identity)
  if (reference.backend === 'loopback') return start(reference, undefined, { native, found, profile, options, memory })
  checkAddon(native)
  const taken = await takeForSession(reference.address, reference.backend, { ...options, native })
  const undo = new Disposal()
  if (taken !== undefined) undo.use(taken)
  try {
    const target = findPciTarget(reference.address, reference.backend)
    return await start(reference, target, { native, found, profile, options, memory, taken })
  } catch (error) {
    return undo.undoAfter(error)
  }
}

interface Parts {
  readonly native: Native
  readonly found: Found
  readonly profile: Profile
  readonly options: SessionOptions
  readonly memory: MemorySizes
  readonly taken?: AsyncDisposable | undefined
}

/** @throws ProbarError; nothing stays open then */
async function start(
  reference: DeviceReference,
  target: PciTarget | undefined,
  { native, found, profile, options, memory, taken }: Parts,
): Promise<Session> {
  const seed = options.seed ?? 1n
  const random = seededRandom(seed)
  const addressBits = addressBitsOf(profile)
  const banks = placeBanks(memory.frames, found.avoid, addressBits)
  const device = openDevice(reference, target, {
    native,
    addressBits,
    random: () => random.below(2 ** 32),
    keepFree: banks.map(bankRange),
    ...(options.type1 === undefined ? {} : { type1: options.type1 }),
  })
  try {
    checkDeviceShape(profile, device)
    const physical = device.dma.capabilities.placement === 'identity' ? native.vfio : undefined
    const frames = new FrameStore({
      native: native.memory,
      frames: memory.frames,
      random,
      avoid: found.avoid,
      addressBits,
      ...(physical === undefined ? {} : { physical }),
    })
    const { plant = {} } = options
    const { addonProblem } = native
    const { poolPages } = memory
    const parts = { device, frames, poolPages, profile, random, seed, plant, taken }
    return await Session.start({ ...parts, ...(addonProblem && { addonProblem }) })
  } catch (error) {
    return undoAfter(error, [() => device.close()])
  }
}

/** @throws ProbarError usage */
function checkUnsafe({ backend, ref }: DeviceReference, granted: boolean): void {
  if (granted === (backend === 'noiommu')) return
  throw new ProbarError(
    'usage',
    granted
      ? `--unsafe-noiommu (unsafeNoIommu) goes with --backend noiommu only, not with ${ref}`
      : `${ref} can read and overwrite any memory of this machine, for no IOMMU stands in front of it; if the machine ` +
          'may be lost, say so by --unsafe-noiommu (unsafeNoIommu)',
  )
}

/** @throws ProbarError usage */
function checkType1({ backend, ref }: DeviceReference, type1: Type1Version | undefined): void {
  if (type1 === undefined || backend === 'vfio') return
  throw new ProbarError('usage', `--type1 (type1) goes with --backend vfio only, not with ${ref}`)
}

/** Of all that the device does, the narrowest: every buffer must be within its reach. */
function addressBitsOf({ dma, cyclic }: Profile): number {
  return Math.min(dma?.addressBits ?? 64, cyclic?.addressBits ?? 64)
}

interface Found {
  readonly identity: DeviceIdentity
  /** Physical ranges of its BARs. */
  readonly avoid: readonly { readonly start: bigint; readonly size: number }[]
}

/** What the device is, before anything of it is taken. */
function identify(reference: DeviceReference): Found {
  if (reference.backend !== 'loopback') {
    const fn = readPciFunction(reference.address)
    return { identity: fn, avoid: fn.bars }
  }
  using model = openModel(reference.ref)
  return { identity: model.identity, avoid: model.regions.map(({ start, size }) => ({ start, size })) }
}

interface Opening extends Pick<PciOptions, 'type1'> {
  readonly native: Native
  readonly addressBits: number
  /** Unsigned 32-bit numbers. */
  readonly random: () => number
  readonly keepFree: readonly Aperture[]
}

function openDevice(reference: DeviceReference, target: PciTarget | undefined, options: Opening): Device {
  if (target !== undefined) return openPciTarget(target, options)
  if (reference.backend === 'loopback') return openLoopback(reference.ref, { clock: new VirtualClock(), ...options })
  throw new ProbarError('internal', `nothing was found for ${reference.address}`)
}

/** Bus addresses equal to frame addresses stay free, so that code which mixes the two hits nothing (HC-2). */
function bankRange(bank: Bank): Aperture {
  const start = BigInt(bank.firstPfn) * BigInt(PAGE_SIZE)
  return { first: busAddress(start), last: busAddress(start + BigInt(bank.count * PAGE_SIZE) - 1n) }
}
