import { runAll } from '../../base/disposal.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { DmaDomain } from '../../device/contract.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Mm } from '../mm/mm.ts'
import { DmaAdapter } from './adapter.ts'
import { Channel } from './channel/channel.ts'
import { MapRegisterPool } from './channel/map-register-pool.ts'
import { TransferContexts } from './channel/transfer-contexts.ts'
import { type DeviceDescription, addressWidth, operationsVersion } from './description.ts'
import { leftovers, takeAllBack } from './leftovers.ts'
import { newAdapterBytes } from './operations.ts'
import { newPlatform, type DmaPlatform } from './platform.ts'
import type { AdapterState, OperationsVersion } from './state.ts'
import { noteViolation, requireLevel, violate } from './violation.ts'

/** Adapters of one device (rules, section 7.3). */
export class Dma {
  /** What adapters meet; to be set before one is asked for. */
  readonly platform: DmaPlatform = newPlatform()
  readonly #kernel: Kernel
  readonly #mm: Mm
  readonly #domain: DmaDomain
  readonly #pool = new MapRegisterPool(this.platform)
  readonly #adapters = new Map<DmaAdapter, AdapterState>()

  constructor(kernel: Kernel, mm: Mm, domain: DmaDomain) {
    this.#kernel = kernel
    this.#mm = mm
    this.#domain = domain
  }

  /**
   * A DMA adapter for the described device (DMA-010 to DMA-013), or null without memory, and for a version that there is
   * not where DMA is not verified.
   * @param DeviceDescription zeroed first, then filled; MaximumLength in bytes
   * @param NumberOfMapRegisters set to the pages of one operation
   * @throws BugCheck 0xE6/0x25 for a version that there is not (VER-008)
   */
  IoGetDmaAdapter(
    _PhysicalDeviceObject: unknown,
    DeviceDescription: DeviceDescription,
    NumberOfMapRegisters: Out<number>,
  ): DmaAdapter | null {
    const routine = 'IoGetDmaAdapter'
    requireLevel(this.#kernel, routine, { rule: 'DMA-010', highest: KIRQL.PASSIVE_LEVEL, lowest: KIRQL.PASSIVE_LEVEL })
    const version = operationsVersion(DeviceDescription)
    if (version === undefined && this.platform.verification) {
      const text = `there is no version ${DeviceDescription.get('Version')} of DEVICE_DESCRIPTION`
      violate(this.#kernel, { rule: 'VER-008', routine, text, parameters: [0x25] })
    }
    const width = version === undefined ? 0 : addressWidth(DeviceDescription)
    if (version === undefined || width < 1 || width > 64) return null
    const block = newAdapterBytes(this.#kernel, version)
    if (block === undefined) return null
    const state = this.#newState(DeviceDescription, version, width)
    const adapter = new DmaAdapter(block.address, state)
    this.#adapters.set(adapter, state)
    NumberOfMapRegisters.value = state.mapRegisters
    return adapter
  }

  /**
   * Releases the adapter.
   * @throws BugCheck 0xE6 with 0x19 for NULL, 0x18 for one that was released before (VER-008), 0x07 to 0x0A while it still
   *   has common buffers, a channel, map registers or lists (VER-003); it stays as it is then
   */
  PutDmaAdapter(DmaAdapter: DmaAdapter | null): void {
    const routine = 'PutDmaAdapter'
    const violation = (text: string, parameter: number): never =>
      violate(this.#kernel, { rule: 'VER-008', routine, text, parameters: [parameter] })
    if (DmaAdapter === null) return violation('the adapter is NULL', 0x19)
    const state = this.#adapters.get(DmaAdapter)
    if (state === undefined) return violation('the adapter was released before', 0x18)
    requireLevel(this.#kernel, routine, { rule: 'DMA-010', highest: KIRQL.PASSIVE_LEVEL, lowest: KIRQL.PASSIVE_LEVEL })
    const [left] = leftovers(state)
    if (left !== undefined) violate(this.#kernel, { ...left, routine })
    this.#release(DmaAdapter, state)
  }

  /** True for an adapter that IoGetDmaAdapter gave and nobody released. */
  holds({ address }: DmaAdapter): boolean {
    return [...this.#adapters.keys()].some((adapter) => adapter.address === address)
  }

  /** Obsolete. @throws BugCheck 0xE6/0x1E, always (VER-008) */
  HalGetAdapter(): never {
    const text = 'it is obsolete: IoGetDmaAdapter takes its place'
    violate(this.#kernel, { rule: 'VER-008', routine: 'HalGetAdapter', text, parameters: [0x1e] })
  }

  /** Releases every adapter that is left, and writes down as leaked what each still has (VER-003). */
  close(): void {
    const all = [...this.#adapters]
    for (const [, state] of all) {
      for (const left of leftovers(state)) noteViolation(this.#kernel, { ...left, routine: 'close' })
    }
    // Otherwise what one gives back would begin what waits at another: no driver is there to be called.
    for (const [, state] of all) state.channel.close()
    runAll(
      all.map(
        ([adapter, state]) =>
          () =>
            this.#release(adapter, state),
      ),
    )
  }

  #newState(description: DeviceDescription, version: OperationsVersion, width: number): AdapterState {
    const wanted = Math.ceil(description.get('MaximumLength') / PAGE_SIZE) + 1
    return {
      kernel: this.#kernel,
      mm: this.#mm,
      domain: this.#domain,
      platform: { ...this.platform },
      version,
      addressWidth: width,
      scatterGather: description.get('ScatterGather') !== 0,
      master: description.get('Master') !== 0,
      mapRegisters: Math.min(wanted, this.#domain.capabilities.maxEntries, this.platform.mapRegisters),
      wanted,
      pool: this.#pool,
      channel: new Channel(this.#kernel, this.#pool),
      contexts: new TransferContexts(),
      lists: new Map(),
      commonBuffers: new Set(),
      bases: new Set(),
      channelBase: undefined,
      alive: true,
    }
  }

  #release(adapter: DmaAdapter, state: AdapterState): void {
    this.#adapters.delete(adapter)
    state.alive = false
    runAll([() => takeAllBack(state), () => this.#kernel.pool.free(adapter.address)])
  }
}
