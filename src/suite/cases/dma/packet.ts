import { type Va, busAddress, va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { IO_ALLOCATION_ACTION, type Out } from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { MapRegisters } from '../../../ddi/dma/channel/map-registers.ts'
import type { Mdl } from '../../../ddi/mm/mdl.ts'
import { type Segment, Segments } from '../../../device/segments.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { allocate, mapSystem, openAdapter, release } from '../parts/buffers.ts'
import { askAdapter, atDispatch, driverBuffer, openDescribed, transferContext } from '../parts/adapters.ts'
import { homeBytes } from '../parts/home-bytes.ts'
import { allocateGuarded } from '../parts/scattered.ts'

const KEEP_REGISTERS = IO_ALLOCATION_ACTION.DeallocateObjectKeepRegisters
/** What memory holds before the device must not change it. */
const KEPT = 0x77

/** AllocateAdapterChannel as a bus master does it: the registers are kept, the channel is not (DMA-040). */
export function takeRegisters(context: Context, adapter: DmaAdapter, count: number): MapRegisters {
  const { check } = context
  const taken: MapRegisters[] = []
  const keep = (_device: unknown, _irp: undefined, base: MapRegisters): IO_ALLOCATION_ACTION => {
    taken.push(base)
    return KEEP_REGISTERS
  }
  const status = atDispatch(context, () => adapter.AllocateAdapterChannel(undefined, count, keep, undefined))
  check.equal(status, 0, 'AllocateAdapterChannel')
  return check.present(taken[0], 'the map registers in the routine')
}

export function freeRegisters(context: Context, adapter: DmaAdapter, base: MapRegisters, count: number): void {
  atDispatch(context, () => adapter.FreeMapRegisters(base, count))
}

/** MapTransfer again and again until `length` bytes from `from` on are mapped. */
export function mapAll(
  { check }: Context,
  adapter: DmaAdapter,
  mdl: Mdl,
  base: MapRegisters,
  { from, length, writeToDevice }: { readonly from: number; readonly length: number; readonly writeToDevice: boolean },
): Segments {
  const pieces: Segment[] = []
  for (let done = 0; done < length;) {
    const mapped = { value: length - done }
    const bus = adapter.MapTransfer(mdl, base, va(from + done), mapped, writeToDevice)
    check.ok(
      mapped.value > 0 && mapped.value <= length - done,
      `MapTransfer maps ${mapped.value} bytes of ${length - done}`,
    )
    pieces.push({ bus, length: mapped.value })
    done += mapped.value
  }
  return Segments.of(pieces)
}

/** A list that MapTransferEx wrote. */
function walkBuffer(context: Context, address: Va): Segments {
  const count = homeBytes(context, address, 16).getUint32(0, true)
  const bytes = homeBytes(context, address, 16 + 24 * count)
  return Segments.of(
    Array.from({ length: count }, (_, i) => ({
      bus: busAddress(bytes.getBigUint64(16 + 24 * i, true)),
      length: bytes.getUint32(24 + 24 * i, true),
    })),
  )
}

/** MapTransferEx of a bus master. */
function mapEx(
  adapter: DmaAdapter,
  mdl: Mdl,
  base: MapRegisters,
  range: { readonly from: number; readonly length: Required<Out<number>>; readonly writeToDevice: boolean },
  buffer: { readonly address: Va; readonly size: number },
): number {
  const { from, length, writeToDevice } = range
  return adapter.MapTransferEx(mdl, base, from, 0, length, writeToDevice, buffer.address, buffer.size, null, null)
}

/** Registers of a description that asks for four pages: one more, because a buffer need not begin at a page. */
const FIVE = 5
const TWELVE = 12

export const packetCases: readonly Case[] = [
  {
    id: 'dma/transfer-piece-by-piece',
    title:
      'MapTransfer gives one contiguous piece after the other, the device reads them, Flush and FreeMapRegisters end it',
    rules: ['DMA-040', 'DMA-041', 'DMA-045'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, device, signal } = context
      const pages = allocateGuarded(context, 4)
      const [from, length] = [300, 3 * PAGE_SIZE]
      const pattern = orderPattern(4 * PAGE_SIZE, 29)
      kernel.memory.write(mapSystem(context, pages.payload), pattern)
      const adapter = openAdapter(context)
      const before = device.dma.entries
      const base = takeRegisters(context, adapter, 4)
      const pieces = mapAll(context, adapter, pages.payload, base, { from, length, writeToDevice: true })
      check.equal(pieces.count, 4, 'pieces of scattered pages')
      const received = await engine.read(pieces, { signal })
      check.bytes(received, pattern.subarray(from, from + length), 'what the device received')
      check.ok(adapter.FlushAdapterBuffers(pages.payload, base, va(from), length, true), 'FlushAdapterBuffers')
      check.equal(device.dma.entries, before, 'mappings after the flush')
      check.callerError('DMA-040', 'freeing fewer registers than were allocated', () =>
        freeRegisters(context, adapter, base, 3),
      )
      freeRegisters(context, adapter, base, 4)
      pages.release()
    },
  },
  {
    id: 'dma/transfer-in-one-piece',
    title:
      'without scatter/gather MapTransfer maps all of it: Length stays as it is, and the device writes it from one address on',
    rules: ['DMA-041', 'DMA-024'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const pages = allocateGuarded(context, 3)
      const view = mapSystem(context, pages.payload)
      const { addressBits } = context.device.dma.capabilities
      const adapter = openDescribed(context, { ScatterGather: 0, DmaAddressWidth: addressBits })
      const base = takeRegisters(context, adapter, 3)
      const [from, length] = [100, 2 * PAGE_SIZE]
      const mapped = { value: length }
      const bus = adapter.MapTransfer(pages.payload, base, va(from), mapped, false)
      check.equal(mapped.value, length, 'Length afterwards')
      const pattern = orderPattern(length, 31)
      await engine.write(Segments.of([{ bus, length }]), pattern, { signal })
      adapter.FlushAdapterBuffers(pages.payload, base, va(from), length, false)
      freeRegisters(context, adapter, base, 3)
      check.bytes(kernel.memory.read(va(view + BigInt(from)), length), pattern, 'the buffer')
      pages.release()
    },
  },
  {
    id: 'dma/long-transfer-in-operations',
    title:
      'twelve pages with five map registers take three operations, each of which maps no more than it has registers for',
    rules: ['DMA-013', 'DMA-014', 'DMA-043', 'DMA-044'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const { adapter: asked, registers } = askAdapter(context, {}, (FIVE - 1) * PAGE_SIZE)
      const adapter = check.present(asked, 'a DMA adapter')
      const mdl = allocate(context, TWELVE * PAGE_SIZE)
      const pattern = orderPattern(TWELVE * PAGE_SIZE, 37)
      kernel.memory.write(mapSystem(context, mdl), pattern)
      const base = takeRegisters(context, adapter, FIVE)
      check.equal(registers, FIVE, 'map registers')
      const buffer = { address: driverBuffer(context, 1024), size: 1024 }
      let operations = 0
      for (let from = 0; from < pattern.length; operations++) {
        const length = { value: pattern.length - from }
        check.equal(mapEx(adapter, mdl, base, { from, length, writeToDevice: true }, buffer), 0, 'MapTransferEx')
        check.ok(length.value > 0 && length.value <= FIVE * PAGE_SIZE, `bytes of an operation: ${length.value}`)
        const received = await engine.read(walkBuffer(context, buffer.address), { signal })
        check.bytes(received, pattern.subarray(from, from + length.value), 'what the device received')
        const flushed = adapter.FlushAdapterBuffersEx(mdl, base, from, length.value, true)
        check.equal(flushed, 0, 'FlushAdapterBuffersEx')
        from += length.value
      }
      check.equal(operations, 3, 'operations')
      freeRegisters(context, adapter, base, FIVE)
      kernel.pool.free(buffer.address)
      release(context, mdl)
    },
  },
  {
    id: 'dma/map-transfer-ex-results',
    title:
      'MapTransferEx maps less for a short buffer, needs room for one element, and nothing but flushes follow a cancellation',
    rules: ['DMA-043', 'DMA-044', 'VER-006/0x0D', 'VER-007/0x24', 'VER-007/0x21'],
    run: (context) => {
      const { check, kernel } = context
      const adapter = openAdapter(context)
      const pages = allocateGuarded(context, 3)
      const own = transferContext(context, adapter)
      const out: Out<MapRegisters> = {}
      const allocated = atDispatch(context, () => adapter.AllocateAdapterChannelEx(undefined, own, 3, 1, null, 0, out))
      check.equal(allocated, 0, 'AllocateAdapterChannelEx without a routine')
      const base = check.present(out.value, 'the map registers by the last parameter')
      const size: Out<number> = {}
      adapter.CalculateScatterGatherList(pages.payload, va(0), 1, size, null)
      const one = check.present(size.value, 'the size of a list of one element')
      const address = driverBuffer(context, one)
      const map = (bytes: number, room: number): { readonly status: number; readonly mapped: number } => {
        const length = { value: bytes }
        const range = { from: 0, length, writeToDevice: true }
        return { status: mapEx(adapter, pages.payload, base, range, { address, size: room }), mapped: length.value }
      }
      const invalid = NtStatus.STATUS_INVALID_PARAMETER
      check.equal(map(PAGE_SIZE, one - 8).status, invalid, 'status without room for one element')
      check.bugCheck(0xe6, 0x21, 'no bytes', () => map(0, one))
      check.bugCheck(0xe6, 0x24, 'a byte more than the chain has', () => map(3 * PAGE_SIZE + 1, one))
      const short = map(3 * PAGE_SIZE, one)
      check.equal(short.status, 0, 'status with room for one element of three')
      check.equal(short.mapped, PAGE_SIZE, 'bytes mapped with room for one element')
      check.bugCheck(0xe6, 0x0d, 'mapping again before the flush', () => map(1, one))
      check.equal(adapter.CancelMappedTransfer(own), 0, 'CancelMappedTransfer')
      check.equal(map(1, one).status, NtStatus.STATUS_CANCELLED, 'status after the cancellation')
      check.equal(
        adapter.FlushAdapterBuffersEx(pages.payload, base, 0, PAGE_SIZE, true),
        0,
        'flush after the cancellation',
      )
      adapter.FreeAdapterObject(IO_ALLOCATION_ACTION.DeallocateObject)
      for (const block of [address, own]) kernel.pool.free(block)
      pages.release()
    },
  },
  {
    id: 'dma/flush-ends-access',
    title: 'the device writes what is mapped, and after the flush the same write leaves memory unchanged',
    rules: ['DMA-045', 'DMA-061'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const view = mapSystem(context, mdl)
      const adapter = openAdapter(context)
      const base = takeRegisters(context, adapter, 1)
      const length = { value: 64 }
      const bus = adapter.MapTransfer(mdl, base, va(0), length, false)
      const range = Segments.of([{ bus, length: 64 }])
      const pattern = orderPattern(64, 41)
      await engine.write(range, pattern, { signal })
      check.callerError('DMA-045', 'a flush in the other direction', () =>
        adapter.FlushAdapterBuffers(mdl, base, va(0), 64, true),
      )
      check.callerError('DMA-045', 'a flush of half of it', () =>
        adapter.FlushAdapterBuffers(mdl, base, va(0), 32, false),
      )
      adapter.FlushAdapterBuffers(mdl, base, va(0), 64, false)
      check.bytes(kernel.memory.read(view, 64), pattern, 'memory after the flush')
      kernel.memory.fill(view, 64, KEPT)
      await engine.write(range, orderPattern(64, 43), { signal })
      check.filled(kernel.memory.read(view, 64), KEPT, 'memory after a write behind the flush')
      freeRegisters(context, adapter, base, 1)
      release(context, mdl)
    },
  },
  {
    id: 'dma/channel-in-turn',
    title:
      'a channel that is kept makes other device objects wait, in order, and is refused to its own; bus masters may not keep it',
    rules: ['DMA-040', 'VER-005/0x0B'],
    run: (context) => {
      const { check } = context
      const slave = openDescribed(context, { Master: 0 })
      const begun: string[] = []
      const allocateFor = (device: object, name: string): number =>
        atDispatch(context, () =>
          slave.AllocateAdapterChannel(
            device,
            1,
            () => {
              begun.push(name)
              return IO_ALLOCATION_ACTION.KeepObject
            },
            undefined,
          ),
        )
      const [first, second, third] = [{}, {}, {}]
      check.equal(allocateFor(first, 'first'), 0, 'status of the first')
      check.equal(allocateFor(second, 'second'), 0, 'status of the second')
      check.equal(allocateFor(third, 'third'), 0, 'status of the third')
      check.equal(begun.join(), 'first', 'routines while the channel is kept')
      check.bugCheck(0xe6, 0x0b, 'a second channel for the device object that has it', () =>
        allocateFor(first, 'again'),
      )
      const free = (): void => atDispatch(context, () => slave.FreeAdapterChannel())
      free()
      check.equal(begun.join(), 'first,second', 'routines after the first FreeAdapterChannel')
      free()
      free()
      check.equal(begun.join(), 'first,second,third', 'routines after the last FreeAdapterChannel')
      const master = openAdapter(context)
      const keep = () => IO_ALLOCATION_ACTION.KeepObject
      check.callerError('DMA-040', 'a bus master that keeps its channel', () =>
        atDispatch(context, () => master.AllocateAdapterChannel(undefined, 1, keep, undefined)),
      )
    },
  },
]
