import { physicalAddress, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { allocate, mapSystem, mustGetList, putList, release } from '../parts/buffers.ts'
import { openDescribed, setPlatform } from '../parts/adapters.ts'
import { walkList } from '../parts/home-bytes.ts'
import { freeRegisters, mapAll, takeRegisters } from './packet.ts'

/** No device of these cases reaches more, and a part of every session's frames lies above. */
const REACH_BITS = 28
const KEPT = 0x77

const [FROM, LENGTH] = [600, 2 * PAGE_SIZE]
const SIZE = 3 * PAGE_SIZE

/** Pages above the reach of a driver that is not opted in to remapping, and its adapter (HC-10). */
function openBeyondReach(context: Context): { readonly adapter: DmaAdapter; readonly mdl: Mdl } {
  const { check, device } = context
  setPlatform(context, { remapping: false })
  const bits = Math.min(REACH_BITS, device.dma.capabilities.addressBits)
  const mdl = allocate(context, SIZE, { low: physicalAddress(1n << BigInt(REACH_BITS)) })
  for (const pfn of MmGetMdlPfnArray(mdl)) {
    check.ok(pfn * BigInt(PAGE_SIZE) >= 1n << BigInt(bits), `a page lies above 2^${bits}`)
  }
  return { adapter: openDescribed(context, { DmaAddressWidth: bits }), mdl }
}

export const bounceCases: readonly Case[] = [
  {
    id: 'dma/copied-when-the-list-is-made',
    title: 'of a buffer above its reach the device reads what was there when the list was made, and no later edit',
    rules: ['DMA-028', 'DMA-046'],
    needs: ['engine', 'distinct-addresses'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const { adapter, mdl } = openBeyondReach(context)
      const view = mapSystem(context, mdl)
      const pattern = orderPattern(SIZE, 83)
      kernel.memory.write(view, pattern)
      const list = mustGetList(context, adapter, mdl, { offset: FROM, length: LENGTH, writeToDevice: true })
      kernel.memory.fill(view, SIZE, KEPT)
      const received = await engine.read(walkList(context, list), { signal })
      check.bytes(received, pattern.subarray(FROM, FROM + LENGTH), 'what the device received after the edit')
      putList(context, adapter, list, true)
      check.filled(kernel.memory.read(view, SIZE), KEPT, 'the buffer after Put')
      release(context, mdl)
    },
  },
  {
    id: 'dma/copied-back-when-it-is-put',
    title: 'what the device wrote is in a buffer above its reach when the list is put, and not before',
    rules: ['DMA-025', 'DMA-046'],
    needs: ['engine', 'distinct-addresses'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const { adapter, mdl } = openBeyondReach(context)
      const view = mapSystem(context, mdl)
      kernel.memory.fill(view, SIZE, KEPT)
      const list = mustGetList(context, adapter, mdl, { offset: FROM, length: LENGTH, writeToDevice: false })
      const pattern = orderPattern(LENGTH, 89)
      await engine.write(walkList(context, list), pattern, { signal })
      check.filled(kernel.memory.read(view, SIZE), KEPT, 'the buffer before Put')
      putList(context, adapter, list, false)
      const seen = kernel.memory.read(view, SIZE)
      check.filled(seen.subarray(0, FROM), KEPT, 'in front of the range')
      check.bytes(seen.subarray(FROM, FROM + LENGTH), pattern, 'the range after Put')
      check.filled(seen.subarray(FROM + LENGTH), KEPT, 'behind the range')
      release(context, mdl)
    },
  },
  {
    id: 'dma/copied-back-by-the-flush',
    title: 'what the device wrote by MapTransfer is in a buffer above its reach after the flush, and not before',
    rules: ['DMA-045', 'DMA-046'],
    needs: ['engine', 'distinct-addresses'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const { adapter, mdl } = openBeyondReach(context)
      const view = mapSystem(context, mdl)
      kernel.memory.fill(view, SIZE, KEPT)
      const base = takeRegisters(context, adapter, 3)
      const pieces = mapAll(context, adapter, mdl, base, { from: FROM, length: LENGTH, writeToDevice: false })
      const pattern = orderPattern(LENGTH, 97)
      await engine.write(pieces, pattern, { signal })
      check.filled(kernel.memory.read(view, SIZE), KEPT, 'the buffer before the flush')
      adapter.FlushAdapterBuffers(mdl, base, va(FROM), LENGTH, false)
      const seen = kernel.memory.read(va(view + BigInt(FROM)), LENGTH)
      check.bytes(seen, pattern, 'the range after the flush')
      freeRegisters(context, adapter, base, 3)
      release(context, mdl)
    },
  },
]
