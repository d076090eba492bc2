import { type BusAddress, busAddress } from '../../base/address.ts'
import type { BlockingClock } from '../../base/clock.ts'
import { OsError, ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { BusAllocator, clipApertures } from '../../device/aperture.ts'
import type {
  Aperture,
  ConfigSpace,
  Device,
  DeviceIdentity,
  DmaAccess,
  DmaDomain,
  HostMemory,
  Region,
  ResetMeans,
} from '../../device/contract.ts'
import { allOnes } from '../../device/register-access.ts'
import { IovaDomain } from '../iova-domain.ts'
import { LoopbackFaultLog } from './faults.ts'
import { type Iommu, SimulatedIommu } from './iommu.ts'
import type { LoopbackInterrupts } from './interrupts.ts'
import type { LoopbackNotices } from './notices.ts'
import { ConfigOffset } from './model/config-layout.ts'
import { ModelConfigSpace } from './model/config-space.ts'
import type { Model } from './model/model.ts'
import type { RegisterFile } from './model/registers.ts'
import { buildModel, shapeOf } from './models.ts'
import { plantedBus } from './planted/bus.ts'
import type { Defects } from './planted/defects.ts'
import { PlantedIommu, plantedFaults } from './planted/iommu.ts'
import { plantedConfig, plantedDomain, PlantedInterrupts, PlantedNotices, PlantedRegion } from './planted/platform.ts'
import { type LoopbackReference, parseLoopbackReference } from './reference.ts'
import { Slot } from './slot.ts'
import { REQUESTER, UpstreamPort } from './upstream-port.ts'

export interface LoopbackOptions {
  /** The device's delays pass on it; with a `VirtualClock` they cost nothing. */
  readonly clock: BlockingClock
  /** Unsigned 32-bit numbers, by which bus addresses are chosen. */
  readonly random: () => number
  /** What the user believes of the device's address width; by default what its DMA mask says. */
  readonly addressBits?: number
  /** Bus addresses that automatic placement leaves alone. */
  readonly keepFree?: readonly Aperture[]
}

/** Where the IOMMU of the virtual bench translates; the hole between is where its interrupts are addressed. */
const APERTURES: readonly Aperture[] = [
  { first: busAddress(0), last: busAddress(0xfedf_ffff) },
  { first: busAddress(0xfef0_0000), last: busAddress(0x7f_ffff_ffff) },
]
const EVERYWHERE: readonly Aperture[] = [{ first: busAddress(0), last: busAddress((1n << 64n) - 1n) }]

/**
 * A modelled device in this process, behind a simulated IOMMU.
 * @param ref see `parseLoopbackReference`
 * @throws ProbarError reference-unknown, usage
 */
export function openLoopback(ref: string, options: LoopbackOptions): Device {
  return new LoopbackDevice(parseLoopbackReference(ref), options)
}

/**
 * When a transfer leaves the model's buffer, the device is gone, as QEMU's is: from then on its registers and its config
 * space read as all ones, as an empty slot does, and a reset ends in `device-gone`.
 */
class LoopbackDevice implements Device {
  readonly ref: string
  readonly backend = 'loopback'
  readonly substance = 'model'
  readonly address = REQUESTER
  readonly identity: DeviceIdentity
  readonly config: ConfigSpace
  readonly regions: readonly Region[]
  readonly dma: DmaDomain
  readonly interrupts: LoopbackInterrupts
  readonly faults: LoopbackFaultLog
  readonly notices: LoopbackNotices
  readonly resets: ResetMeans = { scope: 'function', method: 'model' }
  readonly clock: BlockingClock
  readonly #slot: Slot
  readonly #defects: Defects
  readonly #config: ModelConfigSpace
  readonly #model: Model
  readonly #domain: IovaDomain

  constructor(reference: LoopbackReference, options: LoopbackOptions) {
    const { clock } = options
    const { ref, defects, dmaMask } = reference
    const slot = new Slot(ref)
    const shape = shapeOf(reference)
    const config = new ModelConfigSpace(slot, shape)
    const iommu = new PlantedIommu(new SimulatedIommu(reference.entries), defects)
    const mastering = (): boolean => config.busMaster || defects.has('bus-master-ignored')
    this.ref = ref
    this.clock = clock
    this.#slot = slot
    this.#config = config
    this.#defects = defects
    this.identity = identityOf(config)
    this.config = plantedConfig(config, defects)
    config.setBusMaster(defects.has('bus-master-left-on'))
    this.interrupts = new PlantedInterrupts(defects, slot, config, clock, shape)
    this.faults = new LoopbackFaultLog(slot, clock)
    this.notices = new PlantedNotices(defects, slot, clock)
    this.notices.gone.addEventListener('abort', () => this.interrupts.fail(this.notices.gone.reason as ProbarError))
    const port = new UpstreamPort({ iommu, faults: plantedFaults(this.faults, defects), mastering })
    this.#model = buildModel(reference, {
      clock,
      bus: plantedBus(port, defects),
      line: this.interrupts,
      dmaMask,
      die: () => this.#die(),
    })
    const decoding = (): boolean => config.memoryDecode || defects.has('decode-ignored')
    this.regions = shape.bars.map((bar) => {
      const registers = this.#model.registers.get(bar.index) ?? nobody
      return new PlantedRegion({ slot, bar, registers, clock, decoding }, defects)
    })
    this.#domain = domainOf(iommu, { addressBits: dmaMask.toString(2).length, ...options }, defects)
    this.dma = plantedDomain(this.#domain, defects)
  }

  /** The platform puts config space back; what becomes of the registers is the model's to say. */
  reset(): void {
    this.#slot.requireOpen()
    if (!this.#slot.present) throw new ProbarError('device-gone', `${this.ref} fell off the bus: open it again`)
    if (this.#defects.has('reset-fails')) throw new OsError('os-error', 'the reset failed: a planted fault', 5, 'ioctl')
    if (!this.#defects.has('reset-keeps-bus-master')) this.#config.setBusMaster(false)
    this.#model.reset()
  }

  close(): void {
    if (!this.#slot.open || this.#defects.has('close-ignored')) return
    this.#config.setBusMaster(false)
    this.interrupts.disable()
    this.notices.close()
    this.#domain.close()
    this.faults.close()
    this.#model[Symbol.dispose]()
    this.#slot.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #die(): void {
    this.#slot.fallOff()
    this.#model[Symbol.dispose]()
  }
}

const nobody: RegisterFile = { read: (_, width) => allOnes(width), write: () => undefined }

function identityOf(config: ConfigSpace): DeviceIdentity {
  return {
    vendor: config.read16(ConfigOffset.vendor),
    device: config.read16(ConfigOffset.device),
    subsystemVendor: config.read16(ConfigOffset.subsystemVendor),
    subsystem: config.read16(ConfigOffset.subsystem),
    revision: config.read8(ConfigOffset.revision),
    classCode: config.read32(ConfigOffset.revision) >>> 8,
  }
}

function domainOf(
  iommu: Iommu,
  { random, addressBits, keepFree = [] }: LoopbackOptions & { addressBits: number },
  defects: Defects,
): IovaDomain {
  const capabilities = {
    placement: 'caller',
    revocable: true,
    writeOnly: true,
    maxEntries: iommu.maxEntries,
    pageSize: PAGE_SIZE,
    apertures: clipApertures(APERTURES, addressBits),
    addressBits,
  } as const
  const tables = {
    map: (bus: BusAddress, memory: HostMemory, offset: number, length: number, access: DmaAccess) =>
      iommu.map({ bus, memory, offset, length, access }),
    unmap: (bus: BusAddress, length: number) => iommu.unmap(bus, length),
  }
  const unchecked = defects.has('aperture-unchecked')
  const allocator = new BusAllocator(unchecked ? EVERYWHERE : APERTURES, unchecked ? 64 : addressBits, random, keepFree)
  return new IovaDomain(capabilities, tables, allocator)
}
