import type { DmaDomain } from '../../device/contract.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Mm } from '../mm/mm.ts'
import { DmaAdapter } from './adapter.ts'
import { DEVICE_DESCRIPTION_VERSION3, type DeviceDescription, addressWidth } from './description.ts'

/** Adapters of one device (rules, section 7.3). */
export class Dma {
  readonly #kernel: Kernel
  readonly #mm: Mm
  readonly #domain: DmaDomain
  readonly #adapters = new Set<DmaAdapter>()

  constructor(kernel: Kernel, mm: Mm, domain: DmaDomain) {
    this.#kernel = kernel
    this.#mm = mm
    this.#domain = domain
  }

  /**
   * A DMA adapter for the described device (DMA-010 to DMA-013), or null for an unsupported version.
   * @param DeviceDescription zeroed first, then filled; MaximumLength in bytes
   * @param NumberOfMapRegisters set to the pages of one operation
   */
  IoGetDmaAdapter(
    _PhysicalDeviceObject: unknown,
    DeviceDescription: DeviceDescription,
    NumberOfMapRegisters: Out<number>,
  ): DmaAdapter | null {
    this.#kernel.requireIrql('IoGetDmaAdapter', 'DMA-010', KIRQL.PASSIVE_LEVEL)
    if (DeviceDescription.get('Version') > DEVICE_DESCRIPTION_VERSION3) return null
    const width = addressWidth(DeviceDescription)
    if (width < 1 || width > 64) return null
    const wanted = Math.ceil(DeviceDescription.get('MaximumLength') / PAGE_SIZE) + 1
    const mapRegisters = Math.min(wanted, this.#domain.capabilities.maxEntries)
    const { domain, kernel, mm } = { domain: this.#domain, kernel: this.#kernel, mm: this.#mm }
    const adapter = new DmaAdapter({ kernel, mm, domain, addressWidth: width, mapRegisters, wanted })
    this.#adapters.add(adapter)
    NumberOfMapRegisters.value = mapRegisters
    return adapter
  }

  /**
   * Releases the adapter; lists that were left are written down as leaked.
   * @throws BugCheck 0xE6/0x18 for one that was released before (VER-008)
   */
  PutDmaAdapter(DmaAdapter: DmaAdapter): void {
    const routine = 'PutDmaAdapter'
    this.#kernel.requireIrql(routine, 'DMA-010', KIRQL.PASSIVE_LEVEL)
    if (!this.#adapters.delete(DmaAdapter)) {
      const bugCheck = { code: 0xe6, parameter: 0x18 }
      this.#kernel.ledger.raise({ rule: 'VER-008', routine, text: 'the adapter was released before', bugCheck })
    }
    DmaAdapter.close()
  }

  /** Releases every adapter that is left. */
  close(): void {
    for (const adapter of this.#adapters) adapter.close()
    this.#adapters.clear()
  }
}
