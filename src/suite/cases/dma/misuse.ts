import { va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { IO_ALLOCATION_ACTION } from '../../../ddi/constants.ts'
import type { Case } from '../../case.ts'
import { allocate, getList, openAdapter, release } from '../parts/buffers.ts'
import { askAdapter, atDispatch, openDescribed } from '../parts/adapters.ts'
import { allocateHeader, allocatePart } from '../parts/headers.ts'
import { allocateGuarded } from '../parts/scattered.ts'
import { freeRegisters, takeRegisters } from './packet.ts'

export const misuseCases: readonly Case[] = [
  {
    id: 'dma/freed-too-often',
    title: 'a channel, map registers or a common buffer that is freed once more than it was allocated is refused',
    rules: ['VER-002/0x03', 'VER-002/0x04', 'VER-002/0x05'],
    run: (context) => {
      const { check } = context
      const adapter = openAdapter(context)
      check.bugCheck(0xe6, 0x04, 'a channel that is free', () =>
        atDispatch(context, () => adapter.FreeAdapterChannel()),
      )
      const base = takeRegisters(context, adapter, 2)
      check.bugCheck(0xe6, 0x05, 'more registers than were allocated', () => freeRegisters(context, adapter, base, 3))
      freeRegisters(context, adapter, base, 2)
      check.bugCheck(0xe6, 0x05, 'registers that were freed', () => freeRegisters(context, adapter, base, 2))
      const logical: Parameters<typeof adapter.AllocateCommonBuffer>[1] = {}
      const buffer = check.present(adapter.AllocateCommonBuffer(64, logical, true), 'a common buffer')
      const free = (): void =>
        adapter.FreeCommonBuffer(64, check.present(logical.value, 'its logical address'), buffer, true)
      free()
      check.bugCheck(0xe6, 0x03, 'a common buffer that was freed', free)
    },
  },
  {
    id: 'dma/more-registers-than-there-are',
    title: 'more map registers than were granted, allocated or are left are refused',
    rules: ['VER-005/0x0C', 'VER-005/0x15', 'VER-005/0x00/2'],
    run: (context) => {
      const { check } = context
      const pages = allocateGuarded(context, 3)
      const map = (
        adapter: ReturnType<typeof openAdapter>,
        base: ReturnType<typeof takeRegisters>,
        page: number,
        count: number,
      ) => adapter.MapTransfer(pages.payload, base, va(page * PAGE_SIZE), { value: count * PAGE_SIZE }, true)

      const { adapter: asked, registers = 0 } = askAdapter(context, {}, PAGE_SIZE)
      const few = check.present(asked, 'an adapter with few map registers')
      check.bugCheck(0xe6, 0x0c, 'one more than IoGetDmaAdapter told', () => takeRegisters(context, few, registers + 1))

      const { addressBits } = context.device.dma.capabilities
      const single = openDescribed(context, { ScatterGather: 0, DmaAddressWidth: addressBits })
      const base = takeRegisters(context, single, 2)
      check.bugCheck(0xe6, 0x15, 'three pages with two registers', () => map(single, base, 0, 3))
      map(single, base, 0, 1)
      check.bugCheck(0xe6, [0x00, 2], 'two pages with one register left', () => map(single, base, 1, 2))
      single.FlushAdapterBuffers(pages.payload, base, va(0), PAGE_SIZE, true)
      freeRegisters(context, single, base, 2)

      const scattered = openAdapter(context)
      const one = takeRegisters(context, scattered, 1)
      map(scattered, one, 0, 1)
      check.bugCheck(0xe6, [0x00, 2], 'a page with no register left', () => map(scattered, one, 1, 1))
      scattered.FlushAdapterBuffers(pages.payload, one, va(0), PAGE_SIZE, true)
      freeRegisters(context, scattered, one, 1)
      pages.release()
    },
  },
  {
    id: 'dma/flush-discipline',
    title: 'what is mapped is flushed, once, no more than that, and before its registers are freed',
    rules: ['VER-006/0x10', 'VER-006/0x16', 'VER-006/0x20', 'VER-006/0x00/1'],
    run: (context) => {
      const { check } = context
      const adapter = openAdapter(context)
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const base = takeRegisters(context, adapter, 2)
      const flush = (from: number, length: number): boolean =>
        adapter.FlushAdapterBuffers(mdl, base, va(from), length, true)
      check.bugCheck(0xe6, 0x16, 'a flush of nothing', () => flush(0, 100))
      adapter.MapTransfer(mdl, base, va(100), { value: 200 }, true)
      check.bugCheck(0xe6, 0x20, 'a flush from another place', () => flush(0, 300))
      check.bugCheck(0xe6, [0x00, 1], 'a flush of a byte too many', () => flush(100, 201))
      check.bugCheck(0xe6, 0x10, 'freeing registers that are mapped', () => freeRegisters(context, adapter, base, 2))
      check.ok(flush(100, 200), 'the flush of what is mapped')
      check.bugCheck(0xe6, 0x16, 'a second flush', () => flush(100, 200))
      freeRegisters(context, adapter, base, 2)
      release(context, mdl)
    },
  },
  {
    id: 'dma/buffers-that-are-none',
    title: 'a range outside of its MDL, mapped already, or of pages that are not locked is refused',
    rules: [
      'VER-007/0x0E',
      'VER-007/0x1B',
      'VER-007/0x1D',
      'VER-007/0x1F/1',
      'VER-007/0x1F/2',
      'VER-007/0x1F/3',
      'VER-007/0x24',
    ],
    run: (context) => {
      const { check, ddi } = context
      const adapter = openAdapter(context)
      const whole = allocate(context, 2 * PAGE_SIZE)
      const mdl = allocatePart(context, whole, 512, PAGE_SIZE)
      const get = (offset: number) => (): unknown =>
        getList(context, adapter, mdl, { offset, length: 1, writeToDevice: true })
      check.bugCheck(0xe6, [0x1f, 1], 'a list from in front of the MDL', get(-1))
      check.bugCheck(0xe6, [0x1f, 2], 'a list from behind the MDL', get(PAGE_SIZE))
      const base = takeRegisters(context, adapter, 2)
      const map = (from: number, length: number) => (): unknown =>
        adapter.MapTransfer(mdl, base, va(from), { value: length }, true)
      check.bugCheck(0xe6, 0x1b, 'a transfer from in front of the MDL', map(511, 1))
      check.bugCheck(0xe6, 0x1b, 'a transfer from behind the MDL', map(512 + PAGE_SIZE, 1))
      check.bugCheck(0xe6, 0x24, 'a transfer that ends behind the MDL in its last page', map(512, PAGE_SIZE + 1))
      check.bugCheck(0xe6, [0x1f, 3], 'a transfer that ends in a page behind the MDL', map(512, 2 * PAGE_SIZE))
      map(600, 100)()
      check.bugCheck(0xe6, 0x1d, 'bytes that are mapped', map(699, 100))
      adapter.FlushAdapterBuffers(mdl, base, va(600), 100, true)
      freeRegisters(context, adapter, base, 2)
      ddi.io.IoFreeMdl(mdl)
      release(context, whole)
      const unlocked = allocateHeader(context, va(0), PAGE_SIZE)
      const request = { length: 1, writeToDevice: true }
      check.bugCheck(0xe6, 0x0e, 'a list of pages that are not locked', () =>
        getList(context, adapter, unlocked, request),
      )
      ddi.io.IoFreeMdl(unlocked)
    },
  },
  {
    id: 'dma/registers-go-with-the-object',
    title: 'a routine that returns DeallocateObject leaves neither channel nor registers behind',
    rules: ['DMA-040'],
    run: (context) => {
      const { check, ddi } = context
      const adapter = openAdapter(context)
      const routine = () => IO_ALLOCATION_ACTION.DeallocateObject
      const status = atDispatch(context, () => adapter.AllocateAdapterChannel(undefined, 2, routine, undefined))
      check.equal(status, 0, 'AllocateAdapterChannel')
      ddi.dma.PutDmaAdapter(adapter)
    },
  },
]
