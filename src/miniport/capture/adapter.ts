import { undoAfter } from '../../base/disposal.ts'
import { NtStatusError, ProbarError } from '../../base/errors.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { INTERFACE_TYPE, type Out } from '../../ddi/constants.ts'
import type { DmaAdapter } from '../../ddi/dma/adapter.ts'
import { DEVICE_DESCRIPTION_VERSION3, type DeviceDescription } from '../../ddi/dma/description.ts'
import { DEVICE_DESCRIPTION } from '../../ddi/layout/x64.ts'
import type { EngineAbilities } from '../../engine/contract.ts'
import { MAPPING_TABLE_STRIDE } from './mapping-entries.ts'
import type { CaptureParts } from './parts.ts'

/** The longest transfer that the adapter is asked for, in bytes. */
const MAXIMUM_LENGTH = 0x10_0000

/**
 * What a start dispatch does: gets the DMA adapter of a bus master with scatter/gather (KSM-011) and tells AVStream of it
 * (KSM-010, KSM-012), with a stride that leaves room for the driver's own bytes behind each entry (KSM-013). No entry is
 * longer than what the device moves at once (KSM-021), so that each is one descriptor.
 * @throws NtStatusError STATUS_INSUFFICIENT_RESOURCES without an adapter, or what RegisterAdapterObjectEx says
 */
export function registerCaptureAdapter({ ddi, kernel, engine, maxMappingsByteCount }: CaptureParts): DmaAdapter {
  const { addressBits, maxTransfer } = engine.abilities
  const description = kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
  try {
    describe(description, addressBits)
    const registers: Out<number> = {}
    const adapter = ddi.dma.IoGetDmaAdapter(undefined, description, registers)
    if (adapter === null) throw new NtStatusError(NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'there is no DMA adapter')
    const longest = Math.min(maxMappingsByteCount ?? maxTransfer, maxTransfer)
    try {
      const granted = registers.value ?? 0
      const status = ddi.ks.RegisterAdapterObjectEx(adapter, description, granted, longest, MAPPING_TABLE_STRIDE)
      if (!NT_SUCCESS(status)) throw new NtStatusError(status, 'AVStream does not take the DMA adapter')
      return adapter
    } catch (error) {
      return undoAfter(error, [() => ddi.dma.PutDmaAdapter(adapter)])
    }
  } finally {
    kernel.pool.free(description.address)
  }
}

/** Zeroed memory, filled as for a PCI bus master (DMA-010). */
function describe(description: DeviceDescription, addressBits: number): void {
  description.set('Version', DEVICE_DESCRIPTION_VERSION3)
  description.set('Master', 1)
  description.set('ScatterGather', 1)
  description.set('InterfaceType', INTERFACE_TYPE.PCIBus)
  description.set('DmaAddressWidth', addressBits)
  description.set('MaximumLength', MAXIMUM_LENGTH)
}

/** @throws ProbarError capability-missing for a device that cannot be handed entries as they are */
export function requireCapturing({ carries, alignment }: EngineAbilities): void {
  if (carries && alignment === 1) return
  const text = carries ? `it moves multiples of ${alignment} bytes only` : 'it gives out no data of a caller’s choosing'
  throw new ProbarError('capability-missing', `the device cannot fill frames: ${text}`)
}
