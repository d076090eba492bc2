import { type Va, va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { DMA_SYNCHRONOUS_CALLBACK, IO_ALLOCATION_ACTION, KIRQL, type Out } from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { DRIVER_LIST_CONTROL } from '../../../ddi/dma/lists/lists.ts'
import type { ScatterGatherList } from '../../../ddi/dma/scatter-gather-list.ts'
import type { Mdl } from '../../../ddi/mm/mdl.ts'
import { GUARD_BYTE, orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { allocate, getList, mapSystem, mustGetList, openAdapter, putList, release } from '../parts/buffers.ts'
import {
  askAdapter,
  atDispatch,
  buildList,
  collecting,
  driverBuffer,
  openDescribed,
  setPlatform,
  transferContext,
} from '../parts/adapters.ts'
import { walkList } from '../parts/home-bytes.ts'
import { allocateGuarded } from '../parts/scattered.ts'

/** Of a list of so many elements by the header alone, without what the system keeps behind them. */
const bare = (elements: number): number => 16 + 24 * elements

/** What CalculateScatterGatherList tells. */
function calculate({ check }: Context, adapter: DmaAdapter, mdl: Mdl | null, from: number, length: number) {
  const [size, registers]: Out<number>[] = [{}, {}]
  const status = adapter.CalculateScatterGatherList(mdl, va(from), length, size ?? {}, registers ?? {})
  check.equal(status, 0, 'CalculateScatterGatherList')
  return {
    size: check.present(size?.value, 'the size of the list'),
    registers: check.present(registers?.value, 'the number of map registers'),
  }
}

/** Two MDLs, the first of which names the second as the next. */
function openChain(context: Context): { readonly first: Mdl; readonly second: Mdl; release(): void } {
  const [first, second] = [allocate(context, 2 * PAGE_SIZE), allocate(context, PAGE_SIZE)]
  first.header.set('Next', second.address)
  return {
    first,
    second,
    release: () => {
      for (const mdl of [first, second]) release(context, mdl)
    },
  }
}

export const buildingCases: readonly Case[] = [
  {
    id: 'dma/build-into-own-buffer',
    title:
      'BuildScatterGatherList writes into the caller’s buffer, which stays the caller’s, and must have the calculated size',
    rules: ['DMA-026', 'DMA-002'],
    run: (context) => {
      const { check, device, kernel } = context
      const adapter = openAdapter(context)
      const pages = allocateGuarded(context, 3)
      const request = { length: 3 * PAGE_SIZE, writeToDevice: true }
      const { size } = calculate(context, adapter, pages.payload, 0, 3 * PAGE_SIZE)
      check.ok(size > bare(3), `the system keeps something behind 3 elements: ${size} bytes`)
      const address = driverBuffer(context, size)
      const before = device.dma.entries
      const tight = buildList(context, adapter, pages.payload, request, { address, size: bare(3) })
      check.equal(tight.status, NtStatus.STATUS_BUFFER_TOO_SMALL, 'status for a size counted by hand')
      check.absent(tight.list, 'list in a buffer too small')
      check.equal(device.dma.entries, before, 'mappings for a buffer too small')
      const { status, list } = buildList(context, adapter, pages.payload, request, { address, size })
      check.equal(status, 0, 'BuildScatterGatherList')
      const built = check.present(list, 'the list in the routine')
      check.equal(built.address, address, 'address of the list')
      check.equal(walkList(context, built).size, 3 * PAGE_SIZE, 'bytes of the list')
      putList(context, adapter, built, true)
      check.equal(device.dma.entries, before, 'mappings after Put')
      kernel.pool.free(address)
      pages.release()
    },
  },
  {
    id: 'dma/calculated-size',
    title: 'CalculateScatterGatherList tells what the buffer takes, at any IRQL, and the worst case without an MDL',
    rules: ['DMA-027', 'DMA-002'],
    run: (context) => {
      const { check, kernel } = context
      const adapter = openAdapter(context)
      const pages = allocateGuarded(context, 4)
      const [offset, length] = [100, 3 * PAGE_SIZE]
      for (const irql of [KIRQL.PASSIVE_LEVEL, KIRQL.DISPATCH_LEVEL, KIRQL.HIGH_LEVEL]) {
        const exact = kernel.at(irql, () => calculate(context, adapter, pages.payload, offset, length))
        check.equal(exact.registers, 4, `map registers for 4 pages at IRQL ${irql}`)
        check.ok(exact.size > bare(4), `room for 4 elements at IRQL ${irql}: ${exact.size} bytes`)
      }
      const list = mustGetList(context, adapter, pages.payload, { offset, length, writeToDevice: true })
      check.equal(walkList(context, list).count, 4, 'elements of scattered pages')
      putList(context, adapter, list, true)
      const adjacent = allocate(context, 4 * PAGE_SIZE, { flags: 0x20 })
      const short = calculate(context, adapter, adjacent, offset, length)
      const worst = calculate(context, adapter, null, offset, length)
      check.ok(worst.size > bare(4), `room for 4 elements in the worst case: ${worst.size} bytes`)
      check.ok(short.size < worst.size, 'adjacent pages take less than the worst case')
      release(context, adjacent)
      pages.release()
    },
  },
  {
    id: 'dma/chain-of-mdls',
    title: 'a list goes through a chain of MDLs, as far as its map registers reach',
    rules: ['DMA-023', 'DMA-020', 'DMA-021'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const chain = openChain(context)
      const views = [mapSystem(context, chain.first), mapSystem(context, chain.second)] as const
      const adapter = openAdapter(context)
      const [offset, length] = [PAGE_SIZE + 3000, PAGE_SIZE]
      const pattern = orderPattern(length, 17)
      kernel.memory.fill(views[0], 2 * PAGE_SIZE, GUARD_BYTE)
      kernel.memory.fill(views[1], PAGE_SIZE, GUARD_BYTE)
      const list = mustGetList(context, adapter, chain.first, { offset, length, writeToDevice: false })
      await engine.write(walkList(context, list), pattern, { signal })
      putList(context, adapter, list, false)
      const [first, second] = [kernel.memory.read(views[0], 2 * PAGE_SIZE), kernel.memory.read(views[1], PAGE_SIZE)]
      const cut = 2 * PAGE_SIZE - offset
      check.filled(first.subarray(0, offset), GUARD_BYTE, 'the first MDL in front of the range')
      check.bytes(first.subarray(offset), pattern.subarray(0, cut), 'the first MDL’s part of the range')
      check.bytes(second.subarray(0, length - cut), pattern.subarray(cut), 'the second MDL’s part of the range')
      check.filled(second.subarray(length - cut), GUARD_BYTE, 'the second MDL behind the range')
      const beyond = getList(context, adapter, chain.first, { length: 3 * PAGE_SIZE + 1, writeToDevice: false })
      check.equal(beyond.status, NtStatus.STATUS_BUFFER_TOO_SMALL, 'status for a byte more than the chain has')
      const small = check.present(askAdapter(context, {}, PAGE_SIZE).adapter, 'an adapter with few map registers')
      const whole = getList(context, small, chain.first, { length: 3 * PAGE_SIZE, writeToDevice: false })
      check.equal(whole.status, NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'status for more pages than registers')
      chain.release()
    },
  },
  {
    id: 'dma/one-element-without-scatter-gather',
    title: 'a device without scatter/gather gets one element for scattered pages, and reaches all of them by it',
    rules: ['DMA-024'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const pages = allocateGuarded(context, 3)
      const view = mapSystem(context, pages.payload)
      kernel.memory.fill(view, 3 * PAGE_SIZE, GUARD_BYTE)
      const { addressBits } = context.device.dma.capabilities
      const adapter = openDescribed(context, { ScatterGather: 0, DmaAddressWidth: addressBits })
      const [offset, length] = [500, 2 * PAGE_SIZE]
      const list = mustGetList(context, adapter, pages.payload, { offset, length, writeToDevice: false })
      const elements = walkList(context, list)
      check.equal(elements.count, 1, 'elements')
      check.equal(elements.at(0).length, length, 'Length of the element')
      const pattern = orderPattern(length, 19)
      await engine.write(elements, pattern, { signal })
      putList(context, adapter, list, false)
      const seen = kernel.memory.read(view, 3 * PAGE_SIZE)
      check.filled(seen.subarray(0, offset), GUARD_BYTE, 'in front of the buffer')
      check.bytes(seen.subarray(offset, offset + length), pattern, 'the buffer')
      check.filled(seen.subarray(offset + length), GUARD_BYTE, 'behind the buffer')
      pages.checkGuards()
      pages.release()
    },
  },
  {
    id: 'dma/limits-of-elements',
    title: 'no element is longer than the platform allows or lies across its boundary, and they still are the buffer',
    rules: ['DMA-020'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const [longest, boundary, length] = [3000, 0x2000, 4 * PAGE_SIZE]
      setPlatform(context, { longestElement: longest, boundary })
      const adapter = openAdapter(context)
      const mdl = allocate(context, length, { flags: 0x20 })
      const pattern = orderPattern(length, 23)
      kernel.memory.write(mapSystem(context, mdl), pattern)
      const list = mustGetList(context, adapter, mdl, { length, writeToDevice: true })
      const elements = walkList(context, list)
      for (const { bus, length: bytes } of elements) {
        check.ok(bytes <= longest, `an element of ${bytes} bytes has at most ${longest}`)
        const [first, last] = [bus / BigInt(boundary), (bus + BigInt(bytes) - 1n) / BigInt(boundary)]
        check.equal(last, first, `multiple of ${boundary} below the last byte of an element, and below its first`)
      }
      check.bytes(await engine.read(elements, { signal }), pattern, 'what the device received')
      putList(context, adapter, list, true)
      release(context, mdl)
    },
  },
  {
    id: 'dma/lists-wait-for-registers',
    title: 'lists wait in order until map registers are free, and their routines run at DISPATCH_LEVEL then',
    rules: ['DMA-022'],
    run: (context) => {
      const { check, kernel } = context
      setPlatform(context, { mapRegisters: 4 })
      const adapter = openAdapter(context)
      const mdl = allocate(context, 4 * PAGE_SIZE)
      const held = mustGetList(context, adapter, mdl, { length: 4 * PAGE_SIZE, writeToDevice: true })
      const begun: string[] = []
      const { lists } = collecting()
      const queue = (name: string): void => {
        const routine: DRIVER_LIST_CONTROL = (_device, _irp, list, who) => {
          begun.push(`${String(who)} at ${kernel.KeGetCurrentIrql()}`)
          lists.push(list)
        }
        const status = atDispatch(context, () =>
          adapter.GetScatterGatherList(undefined, mdl, va(0), 2 * PAGE_SIZE, routine, name, true),
        )
        check.equal(status, 0, `status of ${name}, which waits`)
      }
      for (const name of ['first', 'second', 'third']) queue(name)
      check.equal(begun.join(), '', 'routines before registers are free')
      putList(context, adapter, held, true)
      check.equal(begun.join(), 'first at 2,second at 2', 'routines once four registers are free')
      putList(context, adapter, check.present(lists[0], 'the first list'), true)
      check.equal(begun.join(), 'first at 2,second at 2,third at 2', 'routines once two more are free')
      for (const list of lists.slice(1)) putList(context, adapter, list, true)
      release(context, mdl)
    },
  },
  {
    id: 'dma/synchronous-list',
    title: 'with DMA_SYNCHRONOUS_CALLBACK a list is had at once or not at all, without a routine by the last parameter',
    rules: ['DMA-029'],
    run: (context) => {
      const { check, ddi, device } = context
      setPlatform(context, { mapRegisters: 4 })
      const adapter = openAdapter(context)
      const mdl = allocate(context, 4 * PAGE_SIZE)
      const own = transferContext(context, adapter)
      type Routine = DRIVER_LIST_CONTROL | null
      const get = (flags: number, routine: Routine, out: Out<ScatterGatherList> | null, from = 0, length = PAGE_SIZE) =>
        adapter.GetScatterGatherListEx(
          undefined,
          own,
          mdl,
          from,
          length,
          flags,
          routine,
          undefined,
          true,
          null,
          null,
          out,
        )
      const invalid = NtStatus.STATUS_INVALID_PARAMETER
      check.equal(get(0, null, {}), invalid, 'status without a routine, asynchronously')
      check.equal(get(DMA_SYNCHRONOUS_CALLBACK, null, null), invalid, 'status without a routine or an output')
      const { routine } = collecting()
      check.equal(get(0, routine, null, 4 * PAGE_SIZE - 1, 2), invalid, 'status for a byte more than N - Offset')
      check.bugCheck(0xe6, 0x21, 'no bytes', () => get(0, routine, null, 0, 0))

      const held = mustGetList(context, adapter, mdl, { length: 4 * PAGE_SIZE, writeToDevice: true })
      const before = device.dma.entries
      const out: Out<ScatterGatherList> = {}
      const busy = NtStatus.STATUS_INSUFFICIENT_RESOURCES
      check.equal(get(DMA_SYNCHRONOUS_CALLBACK, null, out), busy, 'status while no register is free')
      check.absent(out.value, 'list while no register is free')
      check.equal(device.dma.entries, before, 'mappings while no register is free')
      putList(context, adapter, held, true)

      check.equal(get(DMA_SYNCHRONOUS_CALLBACK, null, out), 0, 'status once they are free')
      const list = check.present(out.value, 'the list by the last parameter')
      check.equal(walkList(context, list).size, PAGE_SIZE, 'bytes of the list')
      putList(context, adapter, list, true)
      check.bugCheck(0xe6, 0x08, 'releasing the adapter before FreeAdapterObject', () => ddi.dma.PutDmaAdapter(adapter))
      adapter.FreeAdapterObject(IO_ALLOCATION_ACTION.DeallocateObject)
      ddi.dma.PutDmaAdapter(adapter)
      freeContext(context, own)
      release(context, mdl)
    },
  },
]

const freeContext = ({ kernel }: Context, address: Va): void => kernel.pool.free(address)
