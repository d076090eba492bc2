import { PAGE_SIZE } from '../../base/pages.ts'
import type { Out } from '../../ddi/constants.ts'
import { Segments } from '../../device/segments.ts'
import type { KsMappingTable } from '../../ddi/ks/mappings.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../ddi/mm/mdl.ts'
import { GUARD_BYTE, orderPattern } from '../../memory/patterns.ts'
import { type Case, defineSuite } from '../case.ts'
import type { Context } from '../context.ts'
import { ANYWHERE, MmCached, allocate, describeBusMaster, mapSystem, openAdapter, release } from './buffers.ts'
import { homeBytes } from './home-bytes.ts'

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

const cases: readonly Case[] = [
  {
    id: 'ksm/table-walks-by-stride',
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
    id: 'ksm/stride-is-checked',
    title: 'a stride below 16 or one that would misalign the addresses is refused',
    rules: ['KSM-013', 'KSM-015'],
    run: (context) => {
      context.check.callerError('KSM-013', 'a stride of 8', () => register(context, 8, PAGE_SIZE))
      context.check.callerError('KSM-015', 'a stride of 20', () => register(context, 20, PAGE_SIZE))
      context.check.equal(register(context, 24, PAGE_SIZE), 0, 'a stride of 24')
    },
  },
  {
    id: 'ksm/context-belongs-to-the-minidriver',
    title: 'the bytes between entries are the minidriver’s: writing them changes no entry',
    rules: ['KSM-013'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 3 * PAGE_SIZE)
      const table = tableOf(context, mdl, { length: 3 * PAGE_SIZE, stride: 40, maxBytes: PAGE_SIZE })
      const before = table.segments()
      for (let i = 0; i < table.Count; i++) {
        check.equal(table.context(i).length, 40 - ENTRY, `bytes behind entry ${i}`)
        table.context(i).fill(0xff)
      }
      const after = table.segments()
      for (let i = 0; i < table.Count; i++) {
        check.equal(after.at(i).bus, before.at(i).bus, `address of entry ${i}`)
        check.equal(after.at(i).length, before.at(i).length, `length of entry ${i}`)
      }
      ddi.ks.releaseMappings(table)
      release(context, mdl)
    },
  },
  {
    id: 'ksm/entries-are-bounded-and-complete',
    title: 'no entry is empty or longer than MaxMappingsByteCount, and together they are the frame',
    rules: ['KSM-021', 'KSM-022', 'KSM-023'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 4 * PAGE_SIZE)
      const length = 4 * PAGE_SIZE - 100
      const table = tableOf(context, mdl, { length, stride: 16, maxBytes: 1500 })
      const entries = [...table.segments()]
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
    id: 'ksm/device-fills-the-frame',
    title:
      'the device writes a pattern through the table, one descriptor an entry: MapAllocatedPages shows every byte in place and no other changed',
    rules: ['KSM-020', 'KSM-021', 'KSM-023', 'WRT-015', 'WRT-016', 'MDL-090', 'VER-004'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const size = 3 * PAGE_SIZE
      const length = size - 2000
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(ANYWHERE, size), 'pages of a WaveRT stream')
      const view = check.present(ddi.portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      kernel.memory.fill(view, size, GUARD_BYTE)
      const table = tableOf(context, mdl, { length, stride: 24, maxBytes: 3000 })
      const pattern = orderPattern(length)
      const expected = new Uint8Array(size).fill(GUARD_BYTE)
      let done = 0
      for (const entry of table.segments()) {
        const piece = pattern.subarray(done, done + entry.length)
        await engine.write(Segments.of([entry]), piece, { signal })
        expected.set(piece, done)
        done += entry.length
        check.bytes(kernel.memory.read(view, size), expected, `the buffer after ${done} bytes of the frame`)
      }
      check.equal(done, length, 'bytes of the frame')
      ddi.ks.releaseMappings(table)
      ddi.portcls.UnmapAllocatedPages(view, mdl)
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'ksm/addresses-are-logical',
    title: 'the device reads the frame by the addresses of the table, and none of them is a frame address',
    rules: ['KSM-024', 'KSM-020'],
    needs: ['engine', 'caller-placement'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const pattern = orderPattern(2 * PAGE_SIZE, 11)
      kernel.memory.write(mapSystem(context, mdl), pattern)
      const table = tableOf(context, mdl, { length: 2 * PAGE_SIZE, stride: 32, writeToDevice: true })
      const frames = new Set([...MmGetMdlPfnArray(mdl)].map((pfn) => pfn * BigInt(PAGE_SIZE)))
      for (const { bus } of table.segments()) check.ok(!frames.has(bus), 'an address of the table is no frame address')
      const received = await engine.read(table.segments().slice(PAGE_SIZE - 100, 200), { signal })
      check.bytes(received, pattern.subarray(PAGE_SIZE - 100, PAGE_SIZE + 100), 'bytes across the pages')
      ddi.ks.releaseMappings(table)
      release(context, mdl)
    },
  },
  {
    id: 'ksm/last-reference-ends-access',
    title: 'once the frame is released a write by the device at an entry leaves memory unchanged',
    rules: ['KSM-027', 'DMA-061'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const view = mapSystem(context, mdl)
      kernel.memory.fill(view, PAGE_SIZE, GUARD_BYTE)
      const table = tableOf(context, mdl, { length: PAGE_SIZE, stride: 16 })
      const entry = table.segments().slice(0, 128)
      ddi.ks.releaseMappings(table)
      await engine.write(entry, orderPattern(128), { signal })
      check.filled(kernel.memory.read(view, PAGE_SIZE), GUARD_BYTE, 'the frame')
      release(context, mdl)
    },
  },
]

export const ksmSuite = defineSuite('ksm', cases)
