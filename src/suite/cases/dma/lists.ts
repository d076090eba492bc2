import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { Mdl } from '../../../ddi/mm/mdl.ts'
import { MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import { GUARD_BYTE, orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import {
  allocate,
  describeBusMaster,
  getList,
  mapSystem,
  mustGetList,
  openAdapter,
  putList,
  release,
} from '../parts/buffers.ts'
import { homeBytes, walkList } from '../parts/home-bytes.ts'
import { allocateGuarded } from '../parts/scattered.ts'

/** Not page aligned at either end, and longer than one transfer of a small engine. */
const OFFSET = 1000
const LENGTH = 3 * PAGE_SIZE - 1700

/** Address bits: 16 pages, so that two fit and 32 do not. */
const NARROW = 16

async function withPages(
  context: Context,
  pages: number,
  act: (mdl: Mdl, adapter: DmaAdapter) => unknown,
): Promise<void> {
  const mdl = allocate(context, pages * PAGE_SIZE)
  await act(mdl, openAdapter(context))
  release(context, mdl)
}

export const listCases: readonly Case[] = [
  {
    id: 'dma/list-in-place',
    title: 'a list has its count at byte 0 and 24-byte elements from byte 16',
    rules: ['DMA-001', 'DMA-002'],
    run: (context) =>
      withPages(context, 3, (mdl, adapter) => {
        const { check } = context
        const list = mustGetList(context, adapter, mdl, { offset: 16, length: 2 * PAGE_SIZE, writeToDevice: true })
        const count = list.NumberOfElements
        const bytes = homeBytes(context, list.address, 16 + 24 * count)
        check.equal(bytes.getUint32(0, true), count, 'NumberOfElements at byte 0')
        let total = 0
        for (let i = 0; i < count; i++) {
          check.equal(bytes.getBigUint64(16 + 24 * i, true), list.element(i).Address, `Address of element ${i}`)
          check.equal(bytes.getUint32(24 + 24 * i, true), list.element(i).Length, `Length of element ${i}`)
          total += list.element(i).Length
        }
        check.equal(total, 2 * PAGE_SIZE, 'sum of the Lengths')
        putList(context, adapter, list, true)
      }),
  },
  {
    id: 'dma/device-writes-exactly-the-list',
    title:
      'the device writes a pattern through the list: every byte is in its place, no byte beside the buffer changes',
    rules: ['DMA-020', 'MDL-090', 'VER-004/0x0F/4', 'VER-004/0x0F/5'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const pages = allocateGuarded(context, 3)
      const view = mapSystem(context, pages.payload)
      kernel.memory.fill(view, 3 * PAGE_SIZE, GUARD_BYTE)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, pages.payload, {
        offset: OFFSET,
        length: LENGTH,
        writeToDevice: false,
      })
      const pattern = orderPattern(LENGTH)
      await engine.write(walkList(context, list), pattern, { signal })
      putList(context, adapter, list, false)
      const seen = kernel.memory.read(view, 3 * PAGE_SIZE)
      check.filled(seen.subarray(0, OFFSET), GUARD_BYTE, 'in front of the buffer')
      check.bytes(seen.subarray(OFFSET, OFFSET + LENGTH), pattern, 'the buffer')
      check.filled(seen.subarray(OFFSET + LENGTH), GUARD_BYTE, 'behind the buffer')
      pages.checkGuards()
      pages.release()
    },
  },
  {
    id: 'dma/device-reads-through-the-list',
    title: 'the device reads a buffer that begins inside the second page through the list, in order and complete',
    rules: ['DMA-020'],
    needs: ['engine'],
    run: (context) =>
      withPages(context, 4, async (mdl, adapter) => {
        const { check, engine, kernel, signal } = context
        const offset = PAGE_SIZE + OFFSET
        const view = mapSystem(context, mdl)
        const pattern = orderPattern(4 * PAGE_SIZE, 3)
        kernel.memory.write(view, pattern)
        const list = mustGetList(context, adapter, mdl, { offset, length: LENGTH, writeToDevice: true })
        const received = await engine.read(walkList(context, list), { signal })
        check.bytes(received, pattern.subarray(offset, offset + LENGTH), 'what the device received')
        putList(context, adapter, list, true)
      }),
  },
  {
    id: 'dma/completion-by-interrupt',
    title: 'a transfer whose end the device announces by an interrupt has moved its bytes',
    rules: ['DMA-020', 'DMA-025'],
    needs: ['engine', 'interrupts'],
    run: (context) =>
      withPages(context, 1, async (mdl, adapter) => {
        const { check, engine, kernel, signal } = context
        const view = mapSystem(context, mdl)
        const list = mustGetList(context, adapter, mdl, { length: 512, writeToDevice: false })
        const pattern = orderPattern(512, 5)
        await engine.write(walkList(context, list), pattern, { completion: 'interrupt', signal })
        putList(context, adapter, list, false)
        check.bytes(kernel.memory.read(view, 512), pattern, 'memory after the interrupt')
      }),
  },
  {
    id: 'dma/addresses-within-reach',
    title: 'no address handed out is at or above 2^width, and the device works with the addresses',
    rules: ['DMA-012'],
    needs: ['engine'],
    run: (context) =>
      withPages(context, 8, async (mdl, adapter) => {
        const { check, device, engine, signal } = context
        const list = mustGetList(context, adapter, mdl, { length: 8 * PAGE_SIZE, writeToDevice: false })
        const segments = walkList(context, list)
        const { addressBits } = device.dma.capabilities
        for (const { bus, length } of segments) {
          check.ok(bus + BigInt(length) <= 1n << BigInt(addressBits), `an element ends at or below 2^${addressBits}`)
        }
        const last = 8 * PAGE_SIZE - 64
        const pattern = orderPattern(64, 9)
        await engine.write(segments.slice(last, 64), pattern, { signal })
        putList(context, adapter, list, false)
        const seen = context.kernel.memory.read(mapSystem(context, mdl), 8 * PAGE_SIZE)
        check.bytes(seen.subarray(last), pattern, 'the last bytes of the buffer')
      }),
  },
  {
    id: 'dma/more-than-the-device-reaches',
    title:
      'a described width that is narrower than the domain is kept: what fits below it is mapped there, what does not is refused',
    rules: ['DMA-012', 'DMA-021'],
    needs: ['distinct-addresses'],
    run: (context) =>
      withPages(context, 32, (mdl) => {
        const { check, ddi, device, kernel } = context
        const description = describeBusMaster(context, 32 * PAGE_SIZE)
        description.set('DmaAddressWidth', NARROW)
        const adapter = check.present(ddi.dma.IoGetDmaAdapter(undefined, description, {}), 'a narrow adapter')
        kernel.pool.free(description.address)
        const before = device.dma.entries
        const fits = mustGetList(context, adapter, mdl, { length: 2 * PAGE_SIZE, writeToDevice: true })
        for (const { bus, length } of walkList(context, fits)) {
          check.ok(bus + BigInt(length) <= 1n << BigInt(NARROW), `an element ends at or below 2^${NARROW}`)
        }
        putList(context, adapter, fits, true)
        const { status, list } = getList(context, adapter, mdl, { length: 32 * PAGE_SIZE, writeToDevice: true })
        check.equal(status, NtStatus.STATUS_INSUFFICIENT_RESOURCES, `status for 32 pages below 2^${NARROW}`)
        check.absent(list, 'list')
        check.equal(device.dma.entries, before, 'mappings')
      }),
  },
  {
    id: 'dma/range-beyond-the-mdl',
    title: 'a range that exceeds the MDL gives STATUS_BUFFER_TOO_SMALL, no list and no mapping',
    rules: ['DMA-021'],
    run: (context) =>
      withPages(context, 2, (mdl, adapter) => {
        const { check, device } = context
        const before = device.dma.entries
        const request = { offset: 1, length: 2 * PAGE_SIZE, writeToDevice: true }
        const { status, list } = getList(context, adapter, mdl, request)
        check.equal(status, NtStatus.STATUS_BUFFER_TOO_SMALL, 'status')
        check.absent(list, 'list')
        check.equal(device.dma.entries, before, 'mappings')
      }),
  },
  {
    id: 'dma/more-pages-than-map-registers',
    title: 'a transfer that needs more map registers than granted gives STATUS_INSUFFICIENT_RESOURCES',
    rules: ['DMA-013', 'DMA-021'],
    run: (context) =>
      withPages(context, 8, (mdl) => {
        const { check, ddi, kernel } = context
        const description = describeBusMaster(context, 4 * PAGE_SIZE)
        const registers: { value?: number } = {}
        const adapter = check.present(ddi.dma.IoGetDmaAdapter(undefined, description, registers), 'a DMA adapter')
        kernel.pool.free(description.address)
        const granted = check.present(registers.value, 'the number of map registers')
        check.ok(granted > 1 && granted < 8, `registers for 4 pages: ${granted}`)
        const need = (offset: number, length: number): number => {
          const { status, list } = getList(context, adapter, mdl, { offset, length, writeToDevice: true })
          if (list !== undefined) putList(context, adapter, list, true)
          return status
        }
        check.equal(need(1, (granted - 1) * PAGE_SIZE), 0, 'as many pages as granted')
        check.equal(need(1, granted * PAGE_SIZE), NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'one page more')
        check.equal(kernel.ledger.entries.length, 0, 'misuse')
      }),
  },
  {
    id: 'dma/elements-are-no-page-numbers',
    title: 'the elements are bus addresses: none is the address of the frame behind it',
    rules: ['DMA-020'],
    needs: ['distinct-addresses', 'caller-placement'],
    run: (context) =>
      withPages(context, 4, (mdl, adapter) => {
        const list = mustGetList(context, adapter, mdl, { length: 4 * PAGE_SIZE, writeToDevice: true })
        const physical = new Set([...MmGetMdlPfnArray(mdl)].map((pfn) => pfn * BigInt(PAGE_SIZE)))
        for (const { bus } of walkList(context, list)) {
          context.check.ok(!physical.has(bus), 'an element is no frame address of the buffer')
        }
        putList(context, adapter, list, true)
      }),
  },
]
