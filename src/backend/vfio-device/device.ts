import { type Clock, systemClock } from '../../base/clock.ts'
import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Device, DeviceIdentity, DmaDomain } from '../../device/contract.ts'
import type { DeviceFile, MemorySurface, VfioSurface } from '../../native/surface.ts'
import { VfioConfigSpace } from './config-space.ts'
import { KernelFaultLog } from './faults.ts'
import { VfioInterrupts } from './interrupts.ts'
import { VfioRegion } from './region.ts'
import type { VfioTarget } from './target.ts'
import { DeviceFlag } from './uapi.ts'

/** A domain that gives back its mappings when the device is closed. */
export interface ClosableDomain extends DmaDomain {
  close(): void
}

export interface VfioParts {
  /** The back end's name, which begins the device's reference too. */
  readonly backend: string
  readonly target: VfioTarget
  readonly native: MemorySurface & VfioSurface
  readonly file: DeviceFile
  readonly dma: ClosableDomain
  /** Closes the device's file and what it was opened through. */
  release(): void
}

/** A PCI function behind the kernel's VFIO: all that does not depend on how its memory is mapped. */
export class VfioDevice implements Device {
  readonly ref: string
  readonly backend: string
  readonly substance = 'hardware'
  readonly address: string
  readonly identity: DeviceIdentity
  readonly config: VfioConfigSpace
  readonly regions: readonly VfioRegion[]
  readonly dma: ClosableDomain
  readonly interrupts: VfioInterrupts
  readonly faults: KernelFaultLog
  readonly clock: Clock = systemClock
  readonly #parts: VfioParts
  #open = true

  constructor(parts: VfioParts) {
    const { backend, target, native, file, dma } = parts
    this.#parts = parts
    this.ref = `${backend}:${target.address}`
    this.backend = backend
    this.address = target.address
    this.config = new VfioConfigSpace(native, file)
    this.identity = { ...target.identity, driver: target.driver, group: target.group }
    this.dma = dma
    this.interrupts = new VfioInterrupts(native, file, this.clock)
    this.faults = new KernelFaultLog(target.address, this.clock)
    // Last, because a mapped BAR holds the device: nothing after it may fail.
    this.regions = openRegions(parts, this.config)
  }

  reset(): void {
    this.#check()
    const { native, file } = this.#parts
    if ((native.deviceInfo(file).flags & DeviceFlag.reset) === 0) {
      throw new ProbarError('capability-missing', 'the kernel knows no way to reset this function alone')
    }
    native.reset(file)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    runAll([
      () => this.interrupts.close(),
      () => this.faults.close(),
      () => this.dma.close(),
      ...this.regions.map((region) => () => region.close()),
      () => this.#parts.release(),
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
function openRegions({ target, native, file }: VfioParts, config: VfioConfigSpace): readonly VfioRegion[] {
  const opened: VfioRegion[] = []
  try {
    for (const bar of target.bars) opened.push(new VfioRegion(native, file, bar, config))
    return opened
  } catch (error) {
    for (const region of opened) region.close()
    throw error
  }
}
