import { type Va, busAddress, physicalAddress, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL } from '../../../ddi/constants.ts'
import { Segments } from '../../../device/segments.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { MmCached, allocate, getList, mapSystem, mustGetList, openAdapter, putList, release } from '../parts/buffers.ts'
import { walkList } from '../parts/home-bytes.ts'
import { allocateGuarded } from '../parts/scattered.ts'

/** What memory holds before the device must not change it. */
const KEPT = 0x77
/** Bytes that the device touches in each page: enough to see, and few transfers. */
const PIECE = 64
/** Not adjacent to one another, so each is an entry of its own in the IOMMU's tables. */
const PAGES = 3
const LENGTH = PAGES * PIECE
/** The kernel's log needs a moment; a model answers at once. */
const FAULT_TIMEOUT_MS = 3000

/** Before and after the list is put: the same bus ranges, the same memory. */
interface Revocation {
  /** While the list lives; shows that the very access works which is refused later. */
  readonly before?: (ranges: Segments, view: Va) => Promise<void>
  readonly after: (ranges: Segments, view: Va) => Promise<void>
}

/** A buffer that the device can reach until its list is put, and that stays as it was then. */
async function putAway(context: Context, writeToDevice: boolean, { before, after }: Revocation): Promise<void> {
  const { check, kernel } = context
  const size = PAGES * PAGE_SIZE
  const pages = allocateGuarded(context, PAGES)
  const view = mapSystem(context, pages.payload)
  kernel.memory.fill(view, size, KEPT)
  const adapter = openAdapter(context)
  const list = mustGetList(context, adapter, pages.payload, { length: size, writeToDevice })
  const elements = walkList(context, list)
  check.equal(elements.count, PAGES, 'elements, one a page')
  const ranges = Segments.of([...elements].map(({ bus }) => ({ bus, length: PIECE })))
  await before?.(ranges, view)
  putList(context, adapter, list, writeToDevice)
  kernel.memory.fill(view, size, KEPT)
  await after(ranges, view)
  check.filled(kernel.memory.read(view, size), KEPT, 'memory after the access')
  pages.release()
}

/** The bytes that the device touches, page by page. */
function touched({ kernel }: Context, view: Va): Uint8Array {
  const pieces = Array.from({ length: PAGES }, (_, page) =>
    kernel.memory.read(va(view + BigInt(page * PAGE_SIZE)), PIECE),
  )
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}

export const revocationCases: readonly Case[] = [
  {
    id: 'dma/put-ends-writing',
    title: 'the device writes through a list, and after PutScatterGatherList the same write leaves memory unchanged',
    rules: ['DMA-061', 'DMA-025'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, engine, signal } = context
      const pattern = orderPattern(LENGTH)
      await putAway(context, false, {
        before: async (ranges, view) => {
          await engine.write(ranges, pattern, { signal })
          check.bytes(touched(context, view), pattern, 'the buffer while the list lives')
        },
        after: (ranges) => engine.write(ranges, pattern, { signal }),
      })
    },
  },
  {
    id: 'dma/put-ends-reading',
    title: 'the device reads through a list, and after PutScatterGatherList it gets none of the bytes',
    rules: ['DMA-061', 'DMA-025'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, engine, signal } = context
      await putAway(context, true, {
        before: async (ranges) =>
          check.filled(await engine.read(ranges, { signal }), KEPT, 'what the device received while the list lives'),
        after: async (ranges) => {
          const received = await engine.read(ranges, { signal })
          check.ok(!received.includes(KEPT), 'the device received none of what memory holds')
        },
      })
    },
  },
  {
    id: 'dma/refused-write-is-reported',
    title: 'the refused write is seen as a fault of this device, at this address, in this direction',
    rules: ['DMA-061', 'VER-010'],
    needs: ['engine', 'revocation', 'faults'],
    run: async (context) => {
      const { check, device, engine, signal } = context
      await putAway(context, false, {
        after: async (ranges) => {
          using watch = await device.faults.watch(signal)
          await engine.write(ranges, orderPattern(LENGTH), { signal })
          const fault = check.present(await watch.next({ timeoutMs: FAULT_TIMEOUT_MS, signal }), 'a fault')
          check.equal(fault.address / BigInt(PAGE_SIZE), ranges.at(0).bus / BigInt(PAGE_SIZE), 'page of the fault')
          check.equal(fault.direction, 'write', 'direction')
          check.equal(fault.device, device.address, 'device')
        },
      })
    },
  },
  {
    id: 'dma/bus-address-works-frame-address-does-not',
    title: 'the device reaches a buffer by its bus address; at the address of its frame it reaches nothing',
    rules: ['DMA-061', 'WRT-020'],
    needs: ['engine', 'revocation', 'distinct-addresses', 'caller-placement'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const high = physicalAddress((1n << BigInt(engine.abilities.addressBits)) - 1n)
      const mdl = check.present(
        ddi.portcls.AllocatePagesForMdl(high, PAGE_SIZE),
        'a page that the device could address',
      )
      const view = check.present(ddi.portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      kernel.memory.fill(view, PAGE_SIZE, KEPT)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: LENGTH, writeToDevice: false })
      const frame = busAddress(ddi.portcls.GetPhysicalPageAddress(mdl, 0))
      check.differ(walkList(context, list).at(0).bus, frame, 'bus address and frame address')
      await engine.write(Segments.of([{ bus: frame, length: LENGTH }]), orderPattern(LENGTH, 1), { signal })
      check.filled(kernel.memory.read(view, PAGE_SIZE), KEPT, 'memory after a write at the frame address')
      const pattern = orderPattern(LENGTH, 2)
      await engine.write(walkList(context, list), pattern, { signal })
      check.bytes(kernel.memory.read(view, LENGTH), pattern, 'memory after a write at the bus address')
      putList(context, adapter, list, false)
      ddi.portcls.UnmapAllocatedPages(view, mdl)
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'dma/list-grants-one-direction',
    title: 'a list for reading by the device does not let it write',
    rules: ['DMA-025', 'DMA-061'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const view = mapSystem(context, mdl)
      kernel.memory.fill(view, PAGE_SIZE, KEPT)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: PIECE, writeToDevice: true })
      const ranges = walkList(context, list)
      check.filled(await engine.read(ranges, { signal }), KEPT, 'what the device received')
      await engine.write(ranges, orderPattern(PIECE), { signal })
      check.filled(kernel.memory.read(view, PAGE_SIZE), KEPT, 'memory after a write by the device')
      putList(context, adapter, list, true)
      release(context, mdl)
    },
  },
  {
    id: 'dma/free-while-listed',
    title: 'pages that the device still reaches by a list cannot be freed',
    rules: ['DMA-025'],
    // A mapping is witness enough for a rule; that the device still reaches the pages is what is said here.
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const view = mapSystem(context, mdl)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: PIECE, writeToDevice: false })
      check.callerError('DMA-025', 'freeing the pages', () => ddi.mm.MmFreePagesFromMdl(mdl))
      const pattern = orderPattern(PIECE, 3)
      await engine.write(walkList(context, list), pattern, { signal })
      check.bytes(kernel.memory.read(view, PIECE), pattern, 'what the device wrote after the refusal')
      putList(context, adapter, list, false)
      release(context, mdl)
    },
  },
  {
    id: 'dma/put-twice',
    title: 'putting a list twice is bug check 0xE6/0x06',
    rules: ['VER-002/0x06'],
    run: (context) => {
      const mdl = allocate(context, PAGE_SIZE)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: PAGE_SIZE, writeToDevice: true })
      putList(context, adapter, list, true)
      context.check.bugCheck(0xe6, 0x06, 'the second Put', () => putList(context, adapter, list, true))
      release(context, mdl)
    },
  },
  {
    id: 'dma/put-with-the-other-direction',
    title: 'WriteToDevice of Put must be that of Get',
    rules: ['DMA-025'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const pattern = orderPattern(PIECE, 4)
      kernel.memory.write(mapSystem(context, mdl), pattern)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: PIECE, writeToDevice: true })
      check.callerError('DMA-025', 'the other direction', () => putList(context, adapter, list, false))
      const received = await engine.read(walkList(context, list), { signal })
      check.bytes(received, pattern, 'what the device received after the refusal')
      putList(context, adapter, list, true)
      release(context, mdl)
    },
  },
  {
    id: 'dma/zero-length',
    title: 'a list of zero bytes is bug check 0xE6/0x21',
    rules: ['VER-007/0x21'],
    run: (context) => {
      const mdl = allocate(context, PAGE_SIZE)
      const adapter = openAdapter(context)
      const zero = { length: 0, writeToDevice: true }
      context.check.bugCheck(0xe6, 0x21, 'zero length', () => getList(context, adapter, mdl, zero))
      release(context, mdl)
    },
  },
  {
    id: 'dma/list-at-dispatch-only',
    title: 'GetScatterGatherList is called at DISPATCH_LEVEL, and its routine runs there',
    rules: ['DMA-021', 'DMA-022'],
    run: (context) => {
      const { check, kernel } = context
      const mdl = allocate(context, PAGE_SIZE)
      const adapter = openAdapter(context)
      const levels: number[] = []
      const get = (): number =>
        adapter.GetScatterGatherList(
          undefined,
          mdl,
          va(0n),
          PAGE_SIZE,
          (_device, _irp, list) => {
            levels.push(kernel.KeGetCurrentIrql())
            adapter.PutScatterGatherList(list, true)
          },
          undefined,
          true,
        )
      check.bugCheck(0xe6, 0x13, 'at PASSIVE_LEVEL', get)
      check.equal(kernel.at(KIRQL.DISPATCH_LEVEL, get), 0, 'status at DISPATCH_LEVEL')
      check.equal(levels.join(), String(KIRQL.DISPATCH_LEVEL), 'level of the routine, once')
      release(context, mdl)
    },
  },
]
