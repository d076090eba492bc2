import { type BlockingClock, systemClock } from '../../base/clock.ts'
import { runAll, undoAfter } from '../../base/disposal.ts'
import { ProbarError, codeOf } from '../../base/errors.ts'
import type { Device, DeviceIdentity, DmaDomain, ResetMeans } from '../../device/contract.ts'
import { Command, ConfigOffset } from '../../pci/config.ts'
import type { DeviceFile, Group, MemorySurface, VfioSurface } from '../../native/surface.ts'
import { VfioConfigSpace } from './registers/config-space.ts'
import { KernelFaultLog } from './faults/faults.ts'
import { VfioInterrupts } from './interrupts.ts'
import { VfioNotices } from './notices.ts'
import { VfioRegion } from './registers/region.ts'
import { type VfioReset, findReset } from './reset.ts'
import type { VfioRom, VfioTarget } from './target.ts'
import { RegionIndex } from './uapi.ts'

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
  /** The group's file, where the device was opened through one. */
  readonly group?: Group
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
  readonly notices: VfioNotices
  readonly resets: ResetMeans | undefined
  readonly clock: BlockingClock = systemClock
  readonly #parts: VfioParts
  readonly #reset: VfioReset
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
    this.#reset = findReset(native, file, target, parts.group)
    this.resets = this.#reset.means
    this.#stopMastering()
    // Last, because each of them holds the device: nothing after them may fail.
    this.regions = openRegions(parts, this.config)
    this.notices = openNotices(parts, this.regions)
    this.notices.gone.addEventListener('abort', () => this.interrupts.fail(this.notices.gone.reason as ProbarError))
  }

  reset(): void {
    this.#check()
    // The kernel puts config space back after a reset, as it was before.
    if (this.resets !== undefined) this.#stopMastering()
    this.#reset.perform()
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    runAll([
      () => this.#leaveBus(),
      () => this.interrupts.close(),
      () => this.notices.close(),
      () => this.faults.close(),
      () => this.dma.close(),
      ...this.regions.map((region) => () => region.close()),
      () => this.#parts.release(),
    ])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #stopMastering(): void {
    const command = this.config.read16(ConfigOffset.command)
    if ((command & Command.busMaster) !== 0) this.config.write16(ConfigOffset.command, command & ~Command.busMaster)
  }

  /** Before what the device reaches is taken from it. A device that does not answer masters no bus. */
  #leaveBus(): void {
    try {
      this.#stopMastering()
    } catch (error) {
      if (codeOf(error) !== 'device-gone') throw error
    }
  }

  #check(): void {
    if (!this.#open) throw new ProbarError('closed', 'the device is closed')
  }
}

/** What the kernel cannot read of a ROM it shows as empty: then there is none. */
function openRom({ native, file }: VfioParts, { start }: VfioRom, config: VfioConfigSpace): readonly VfioRegion[] {
  const rom = new VfioRegion(native, file, { index: RegionIndex.rom, kind: 'rom', start, ...ROM_ATTRIBUTES }, config)
  return rom.size === 0 ? [] : [rom]
}

/** Its register has 32 bits, and none for this (PCI Local Bus 3.0, 6.2.5.2). */
const ROM_ATTRIBUTES = { prefetchable: false, addressBits: 32 } as const

function openNotices({ native, file }: VfioParts, regions: readonly VfioRegion[]): VfioNotices {
  try {
    return new VfioNotices(native, file)
  } catch (error) {
    undoAfter(
      error,
      regions.map((region) => () => region.close()),
    )
  }
}

/** All regions, or none. */
function openRegions(parts: VfioParts, config: VfioConfigSpace): readonly VfioRegion[] {
  const { target, native, file } = parts
  const opened: VfioRegion[] = []
  try {
    for (const bar of target.bars) opened.push(new VfioRegion(native, file, bar, config))
    if (target.rom !== undefined) opened.push(...openRom(parts, target.rom, config))
    return opened
  } catch (error) {
    for (const region of opened) region.close()
    throw error
  }
}
