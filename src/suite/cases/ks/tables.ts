import { distance } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Out } from '../../../ddi/constants.ts'
import { Segments } from '../../../device/segments.ts'
import type { KsMappingTable } from '../../../ddi/ks/mappings.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import { GUARD_BYTE, orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { ANYWHERE, MmCached, allocate, describeBusMaster, mapSystem, openAdapter, release } from '../parts/buffers.ts'
import { homeBytes, walkTable } from '../parts/home-bytes.ts'
import { allocateScattered, guardNeighbours } from '../parts/scattered.ts'

const ENTRY = 16

interface TableRequest {
  readonly length: number
  readonly stride: number
  readonly maxBytes?: number
  readonly writeToDevice?: boolean
}

/** Registers an adapter with this stride; the status. */
function register(context: Context, stride: number, maxBytes: number): number {
  const description = describeBusMaster(context, 64 * PAGE_SIZE)
  const adapter = openAdapter(context)
  const { mapRegisters } = adapter
  try {
    return context.ddi.ks.RegisterAdapterObjectEx(adapter, description, mapRegisters, maxBytes, stride)
  } finally {
    context.kernel.pool.free(description.address)
  }
}

/** The table of the first `length` bytes of an MDL. */
function tableOf(context: Context, mdl: Mdl, request: TableRequest): KsMappingTable {
  const { length, stride, maxBytes = 64 * PAGE_SIZE, writeToDevice = false } = request
  context.check.equal(register(context, stride, maxBytes), 0, 'RegisterAdapterObjectEx')
  const out: Out<KsMappingTable> = {}
  context.check.equal(context.ddi.ks.generateMappings(mdl, length, writeToDevice, out), 0, 'generating mappings')
  return context.check.present(out.value, 'the table')
}

export const tableCases: readonly Case[] = [
  {
    id: 'ks/table-walks-by-stride',
    title: 'entry i lies at Mappings + i * stride, with address at byte 0 and length at byte 8',
    rules: ['KSM-001', 'KSM-014'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 5 * PAGE_SIZE)
      for (const stride of [16, 24, 64]) {
        const table = tableOf(context, mdl, { length: 5 * PAGE_SIZE, stride, maxBytes: PAGE_SIZE })
        const bytes = homeBytes(context, table.Mappings, table.Count * stride)
        check.equal(table.Count, 5, `entries at stride ${stride}`)
        const addresses = new Set<bigint>()
        for (let i = 0; i < table.Count; i++) {
          check.equal(bytes.getUint32(i * stride + 8, true), PAGE_SIZE, `ByteCount ${i} at stride ${stride}`)
          addresses.add(bytes.getBigUint64(i * stride, true))
        }
        check.equal(addresses.size, 5, `different addresses at stride ${stride}`)
        ddi.ks.releaseMappings(table)
      }
      release(context, mdl)
    },
  },
  {
    id: 'ks/stride-is-checked',
    title: 'a stride below 16 or one that would misalign the addresses is refused',
    rules: ['KSM-013', 'KSM-015'],
    run: (context) => {
      context.check.callerError('KSM-013', 'a stride of 8', () => register(context, 8, PAGE_SIZE))
      context.check.callerError('KSM-015', 'a stride of 20', () => register(context, 20, PAGE_SIZE))
      context.check.equal(register(context, 24, PAGE_SIZE), 0, 'a stride of 24')
    },
  },
  {
    id: 'ks/context-belongs-to-the-minidriver',
    title: 'the bytes behind an entry, up to the stride, are the minidriver’s: AVStream neither needs nor has others',
    rules: ['KSM-013'],
    run: (context) => {
      const { check, ddi, device, frames, kernel } = context
      const stride = 40
      const mdl = allocate(context, 3 * PAGE_SIZE)
      const mapped = device.dma.entries
      const table = tableOf(context, mdl, { length: 3 * PAGE_SIZE, stride, maxBytes: PAGE_SIZE })
      const behind = check.present(kernel.pool.allocate(64), 'a pool block behind the table')
      const entries = walkTable(context, table, stride)
      check.equal(entries.count, 3, 'entries')
      for (let i = 0; i < entries.count; i++) {
        const start = distance(frames.address, table.Mappings) + i * stride + ENTRY
        frames.write(start, new Uint8Array(stride - ENTRY).fill(0xff))
        check.filled(table.context(i), 0xff, `context of entry ${i}`)
      }
      for (const [i, entry] of [...table.segments()].entries()) {
        check.equal(entry.bus, entries.at(i).bus, `address of entry ${i}`)
        check.equal(entry.length, entries.at(i).length, `length of entry ${i}`)
      }
      check.filled(frames.read(distance(frames.address, behind.address), 64), 0, 'the pool block behind the table')
      kernel.pool.free(behind.address)
      ddi.ks.releaseMappings(table)
      check.equal(device.dma.entries, mapped, 'DMA mappings after the release')
      release(context, mdl)
    },
  },
  {
    id: 'ks/entries-are-bounded-and-complete',
    title: 'no entry is empty or longer than MaxMappingsByteCount, and together they are the frame',
    rules: ['KSM-021', 'KSM-023'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 4 * PAGE_SIZE)
      const length = 4 * PAGE_SIZE - 100
      const table = tableOf(context, mdl, { length, stride: 16, maxBytes: 1500 })
      const entries = [...walkTable(context, table, 16)]
      entries.forEach((entry, i) =>
        check.ok(entry.length > 0 && entry.length <= 1500, `length of entry ${i}: ${entry.length}`),
      )
      check.equal(
        entries.reduce((sum, entry) => sum + entry.length, 0),
        length,
        'sum of the lengths',
      )
      ddi.ks.releaseMappings(table)
      release(context, mdl)
    },
  },
  {
    id: 'ks/device-fills-the-frame',
    title:
      'the device writes a pattern through the table, one descriptor an entry: MapAllocatedPages shows every byte in place, and no byte in or beside the pages changes otherwise',
    rules: ['KSM-020', 'KSM-021', 'KSM-023', 'WRT-015', 'WRT-016', 'MDL-090', 'VER-004/0x0F/5'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const size = 3 * PAGE_SIZE
      const length = size - 2000
      const mdl = allocateScattered(
        context,
        () => ddi.portcls.AllocatePagesForMdl(ANYWHERE, size),
        (other) => ddi.portcls.FreePagesFromMdl(other),
      )
      const beside = guardNeighbours(context, mdl)
      const view = check.present(ddi.portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      kernel.memory.fill(view, size, GUARD_BYTE)
      const table = tableOf(context, mdl, { length, stride: 24, maxBytes: 3000 })
      const pattern = orderPattern(length)
      const expected = new Uint8Array(size).fill(GUARD_BYTE)
      let done = 0
      for (const entry of walkTable(context, table, 24)) {
        check.ok(entry.length <= 3000, `length of an entry: ${entry.length}`)
        const piece = pattern.subarray(done, done + entry.length)
        await engine.write(Segments.of([entry]), piece, { signal })
        expected.set(piece, done)
        done += entry.length
        check.bytes(kernel.memory.read(view, size), expected, `the buffer after ${done} bytes of the frame`)
      }
      check.equal(done, length, 'bytes of the frame')
      ddi.ks.releaseMappings(table)
      check.bytes(kernel.memory.read(view, size), expected, 'the buffer after the frame was released')
      beside.check()
      ddi.portcls.UnmapAllocatedPages(view, mdl)
      ddi.portcls.FreePagesFromMdl(mdl)
      beside.release()
    },
  },
  {
    id: 'ks/addresses-are-logical',
    title: 'the device reads the frame by the addresses of the table, and none of them is a frame address',
    rules: ['KSM-024', 'KSM-020'],
    needs: ['engine', 'distinct-addresses', 'caller-placement'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const pattern = orderPattern(2 * PAGE_SIZE, 11)
      kernel.memory.write(mapSystem(context, mdl), pattern)
      const table = tableOf(context, mdl, { length: 2 * PAGE_SIZE, stride: 32, writeToDevice: true })
      const entries = walkTable(context, table, 32)
      const frames = new Set([...MmGetMdlPfnArray(mdl)].map((pfn) => pfn * BigInt(PAGE_SIZE)))
      for (const { bus } of entries) check.ok(!frames.has(bus), 'an address of the table is no frame address')
      const received = await engine.read(entries.slice(PAGE_SIZE - 100, 200), { signal })
      check.bytes(received, pattern.subarray(PAGE_SIZE - 100, PAGE_SIZE + 100), 'bytes across the pages')
      ddi.ks.releaseMappings(table)
      release(context, mdl)
    },
  },
  {
    id: 'ks/last-reference-ends-access',
    title: 'the device writes at an entry, and once the frame is released the same write leaves memory unchanged',
    rules: ['KSM-027', 'DMA-061'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const view = mapSystem(context, mdl)
      const table = tableOf(context, mdl, { length: PAGE_SIZE, stride: 16 })
      const entry = walkTable(context, table, 16).slice(0, 128)
      const pattern = orderPattern(128)
      await engine.write(entry, pattern, { signal })
      check.bytes(kernel.memory.read(view, 128), pattern, 'the frame while it is referenced')
      ddi.ks.releaseMappings(table)
      kernel.memory.fill(view, PAGE_SIZE, GUARD_BYTE)
      await engine.write(entry, pattern, { signal })
      check.filled(kernel.memory.read(view, PAGE_SIZE), GUARD_BYTE, 'the frame after it was released')
      release(context, mdl)
    },
  },
]
