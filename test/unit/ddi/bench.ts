import { physicalAddress, va } from '../../../src/base/address.ts'
import { BugCheck, NtStatusError, codeOf } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import { INTERFACE_TYPE, KIRQL, MEMORY_CACHING_TYPE, MM_PAGE_PRIORITY, type Out } from '../../../src/ddi/constants.ts'
import type { Ddi } from '../../../src/ddi/compose.ts'
import type { DmaAdapter } from '../../../src/ddi/dma/adapter.ts'
import type { DeviceDescription } from '../../../src/ddi/dma/description.ts'
import type { ScatterGatherList } from '../../../src/ddi/dma/scatter-gather-list.ts'
import type { Kernel } from '../../../src/ddi/kernel/kernel.ts'
import { DEVICE_DESCRIPTION } from '../../../src/ddi/layout/x64.ts'
import { CallerError } from '../../../src/ddi/kernel/ledger.ts'
import { type Mdl, MmGetMdlVirtualAddress } from '../../../src/ddi/mm/mdl.ts'
import type { Device } from '../../../src/device/contract.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { loadNative } from '../../../src/native/load.ts'
import { Windows } from '../../../src/session/windows.ts'

export const ZERO = physicalAddress(0n)
export const TOP = physicalAddress(0xffff_ffff_ffff_ffffn)
export const NULL = va(0n)
export const { MmCached } = MEMORY_CACHING_TYPE
export const { NormalPagePriority } = MM_PAGE_PRIORITY

/** A Windows over the modelled device, with real memory; of frames there are few. */
export class Bench implements AsyncDisposable {
  readonly device: Device
  readonly frames: FrameStore
  readonly #windows: Windows

  private constructor(device: Device, frames: FrameStore, windows: Windows) {
    this.device = device
    this.frames = frames
    this.#windows = windows
  }

  static async open(ref = 'loopback:edu'): Promise<Bench> {
    const random = seededRandom(1n)
    const device = openLoopback(ref, { clock: new VirtualClock(), random: () => random.below(2 ** 32) })
    const frames = new FrameStore({ native: loadNative().memory, frames: 512, random })
    return new Bench(device, frames, await Windows.open({ device, frames }))
  }

  get kernel(): Kernel {
    return this.#windows.kernel
  }

  get ddi(): Ddi {
    return this.#windows.ddi
  }

  /** Frames, DMA entries, views and blocks of pool that are in use. */
  get inUse(): readonly number[] {
    const { frames, memory, pool } = this.kernel
    return [frames.allocated, this.device.dma.entries, memory.views, pool.blocks]
  }

  /** Closes Windows alone; returns the rules of what was left behind. */
  async end(): Promise<readonly string[]> {
    return (await this.#windows.close()).map(({ rule }) => rule)
  }

  /** @throws when there are not so many pages */
  pages(count: number): Mdl {
    const mdl = this.ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, count * 4096, MmCached, 0)
    if (mdl === null) throw new Error('no pages')
    return mdl
  }

  free(mdl: Mdl): void {
    this.ddi.mm.MmFreePagesFromMdl(mdl)
    this.ddi.mm.ExFreePool(mdl)
  }

  /** Described as a version 3 bus master. */
  description(width = 28, maximumLength = 0x10_0000): DeviceDescription {
    const description = this.kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
    description.set('Version', 3)
    description.set('Master', 1)
    description.set('ScatterGather', 1)
    description.set('InterfaceType', INTERFACE_TYPE.PCIBus)
    description.set('MaximumLength', maximumLength)
    description.set('DmaAddressWidth', width)
    return description
  }

  /** @param members of the description, in place of those of `description` */
  adapter(
    width = 28,
    maximumLength = 0x10_0000,
    members: Partial<Record<'Version' | 'ScatterGather' | 'Master' | 'Dma32BitAddresses', number>> = {},
  ): DmaAdapter {
    const description = this.description(width, maximumLength)
    for (const [name, value] of Object.entries(members)) description.set(name as 'Version', value)
    const adapter = this.ddi.dma.IoGetDmaAdapter(undefined, description, {})
    this.kernel.pool.free(description.address)
    if (adapter === null) throw new Error('no adapter')
    return adapter
  }

  /** GetScatterGatherList at DISPATCH_LEVEL, from a byte offset in the MDL's buffer. */
  list(
    adapter: DmaAdapter,
    mdl: Mdl,
    offset: number,
    length: number,
    toDevice: boolean,
  ): Out<ScatterGatherList> & {
    readonly status: number
  } {
    const got: { value?: ScatterGatherList } = {}
    const start = va(MmGetMdlVirtualAddress(mdl) + BigInt(offset))
    const status = this.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
      adapter.GetScatterGatherList({}, mdl, start, length, (_, __, list) => void (got.value = list), {}, toDevice),
    )
    return { status, ...got }
  }

  put(adapter: DmaAdapter, list: ScatterGatherList, toDevice: boolean): void {
    this.kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.PutScatterGatherList(list, toDevice))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#windows.close()
    this.device.close()
    this.frames.close()
  }
}

/** What a call came to: a bug check as `0xc4/0xb6`, a misuse as its rule, a raised status, another code, or `returned`. */
export function outcome(act: () => unknown): string {
  try {
    act()
    return 'returned'
  } catch (error) {
    if (error instanceof BugCheck) return `0x${error.bugCheckCode.toString(16)}/0x${error.parameters[0]?.toString(16)}`
    if (error instanceof CallerError) return error.rule
    if (error instanceof NtStatusError) return `0x${error.status.toString(16)}`
    return codeOf(error) ?? String(error)
  }
}
