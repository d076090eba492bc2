import type { Clock } from '../../base/clock.ts'
import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { type Aperture, type Device, type DeviceIdentity } from '../../device/contract.ts'
import { busAddress } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { BusAllocator, clipApertures } from '../../device/aperture.ts'
import type { Container, DeviceFile, Group, MemorySurface, VfioSurface } from '../../native/surface.ts'
import { IovaDomain } from '../iova-domain.ts'
import { VfioConfigSpace } from './config-space.ts'
import { KernelFaultLog } from './faults.ts'
import { VfioInterrupts } from './interrupts.ts'
import type { VfioOptions, VfioTarget } from './target.ts'
import { VfioRegion } from './region.ts'
import { Type1Translation } from './translation.ts'
import { DeviceFlag } from './uapi.ts'

export interface VfioParts {
  readonly target: VfioTarget
  readonly options: VfioOptions
  readonly container: Container
  readonly group: Group
  readonly file: DeviceFile
  readonly clock: Clock
}

/** A PCI function through VFIO type 1. */
export class VfioDevice implements Device {
  readonly ref: string
  readonly backend = 'vfio'
  readonly substance = 'hardware'
  readonly address: string
  readonly identity: DeviceIdentity
  readonly config: VfioConfigSpace
  readonly regions: readonly VfioRegion[]
  readonly dma: IovaDomain
  readonly interrupts: VfioInterrupts
  readonly faults: KernelFaultLog
  readonly clock: Clock
  readonly #parts: VfioParts
  readonly #native: MemorySurface & VfioSurface
  #open = true

  constructor(parts: VfioParts) {
    const { target, options, file, clock } = parts
    this.#parts = parts
    this.#native = options.native
    this.ref = `vfio:${target.address}`
    this.address = target.address
    this.clock = clock
    this.config = new VfioConfigSpace(options.native, file)
    this.identity = { ...target.identity, driver: target.driver, group: target.group }
    this.dma = openDomain(parts)
    this.interrupts = new VfioInterrupts(options.native, file, clock)
    this.faults = new KernelFaultLog(target.address, clock)
    // Last, because a mapped BAR holds the device: nothing after it may fail.
    this.regions = openRegions(parts)
  }

  reset(): void {
    this.#check()
    const { file } = this.#parts
    if ((this.#native.deviceInfo(file).flags & DeviceFlag.reset) === 0) {
      throw new ProbarError('capability-missing', 'the kernel knows no way to reset this function alone')
    }
    this.#native.reset(file)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    const { file, group, container } = this.#parts
    runAll([
      () => this.interrupts.close(),
      () => this.faults.close(),
      () => this.dma.close(),
      ...this.regions.map((region) => () => region.close()),
      ...[file, group, container].map((descriptor) => () => this.#native.closeDescriptor(descriptor)),
    ])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #check(): void {
    if (!this.#open) throw new ProbarError('closed', 'the device is closed')
  }
}

/** All BARs, or none. */
function openRegions({ target, options, file }: VfioParts): readonly VfioRegion[] {
  const opened: VfioRegion[] = []
  try {
    for (const bar of target.bars) opened.push(new VfioRegion(options.native, file, bar))
    return opened
  } catch (error) {
    for (const region of opened) region.close()
    throw error
  }
}

function openDomain({ options, container }: VfioParts): IovaDomain {
  const { native, addressBits, random, keepFree } = options
  const info = native.iommuInfo(container)
  const apertures = clipApertures(aperturesOf(info.ranges), addressBits)
  const capabilities = {
    placement: 'caller',
    revocable: true,
    writeOnly: false,
    maxEntries: info.available >= 0 ? info.available : DEFAULT_ENTRIES,
    pageSize: PAGE_SIZE,
    apertures,
    addressBits,
  } as const
  const allocator = new BusAllocator(apertures, addressBits, random, keepFree)
  return new IovaDomain(capabilities, new Type1Translation(native, container), allocator)
}

/** The module's default for dma_entry_limit, where the kernel does not tell how many are left. */
const DEFAULT_ENTRIES = 65_535

function aperturesOf(ranges: BigUint64Array): readonly Aperture[] {
  const apertures: Aperture[] = []
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    apertures.push({ first: busAddress(ranges[i] ?? 0n), last: busAddress(ranges[i + 1] ?? 0n) })
  }
  return apertures
}
