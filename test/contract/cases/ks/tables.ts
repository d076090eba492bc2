import { busAddress } from '../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { altered } from '../plants/altered.ts'
import { type Bytes, ks, tableBytes, tables } from '../plants/broken-ddi.ts'
import { lastPageMissing, bouncesTooMuch, reversed } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

type RegisterArguments = Parameters<Ks['RegisterAdapterObjectEx']>

/** RegisterAdapterObjectEx with another longest entry or another stride. */
const registering = (change: (maxBytes: number, stride: number) => readonly [number, number]): Plant =>
  ks((ks) => ({
    RegisterAdapterObjectEx: (...[adapter, description, registers, maxBytes, stride]: RegisterArguments) =>
      ks.RegisterAdapterObjectEx(adapter, description, registers, ...change(maxBytes, stride)),
  }))

const lastLength = (count: number, stride: number): number => (count - 1) * stride + 8

/** Entries follow one another without the minidriver's bytes. */
function pack(bytes: Bytes, { Count, stride }: { readonly Count: number; readonly stride: number }): void {
  for (let i = 1; i < Count; i++) bytes.write(i * 16, bytes.read(i * stride, 16))
}

const swapped = tableBytes((bytes, { Count, stride }) => bytes.exchange(0, (Count - 1) * stride, 16))

const releaseForgotten = ks(() => ({ releaseMappings: () => undefined }))

/** The table has no room for the context of its last entries. */
const tooShort: Plant = {
  ddi: (ddi, kernel) => {
    const short = registering((maxBytes, stride) => [maxBytes, stride - 8]).ddi?.(ddi, kernel) ?? ddi
    const spread = tables((table, bytes) => {
      const stride = table.stride + 8
      for (let i = table.Count - 1; i > 0; i--) bytes.write(i * stride, bytes.read(i * table.stride, 16))
      const context = (i: number): Uint8Array => bytes.read(i * stride + 16, stride - 16)
      return altered(table, { stride, context, segments: () => entriesAt(bytes, table.Count, stride, 0) })
    })
    return spread.ddi?.(short, kernel) ?? short
  },
}

/** @param at where in an entry its address is looked for */
function entriesAt(bytes: Bytes, count: number, stride: number, at: number): Segments {
  return Segments.of(
    Array.from({ length: count }, (_, i) => ({
      bus: busAddress(bytes.u64(i * stride + at)),
      length: bytes.u32(i * stride + 8),
    })),
  )
}

/** Defects for the cases of KSMAPPING tables. */
export const tableDefects: Defects = {
  'ks/table-walks-by-stride': [
    planted('the stride is ignored', 'ByteCount 1 at stride 24', tableBytes(pack)),
    planted(
      'the length lies at byte 12',
      'ByteCount 0',
      tableBytes((bytes) => bytes.exchange(8, 12, 4)),
    ),
    planted(
      'entries are split in two',
      'entries at stride 16',
      registering((max, stride) => [max / 2, stride]),
    ),
    planted(
      'an entry is there twice',
      'different addresses',
      tableBytes((bytes) => bytes.write(0, bytes.read(64, 16))),
    ),
    planted(
      'two entries have one address',
      'different addresses',
      tableBytes((bytes, { stride }) => bytes.set64(0, bytes.u64(stride))),
    ),
  ],
  'ks/stride-is-checked': [
    planted(
      'any stride is raised to 16',
      'a stride of 8',
      registering((max, stride) => [max, Math.max(16, stride)]),
    ),
    planted(
      'any stride is rounded up',
      'a stride of 20',
      registering((max, stride) => [max, stride === 20 ? 24 : stride]),
    ),
    planted(
      'nothing but 16 is taken',
      'a stride of 24',
      ks((ks) => ({
        RegisterAdapterObjectEx: (...args) =>
          args[4] > 16 && args[4] % 8 === 0
            ? NtStatus.STATUS_INSUFFICIENT_RESOURCES
            : ks.RegisterAdapterObjectEx(...args),
      })),
    ),
  ],
  'ks/context-belongs-to-the-minidriver': [
    planted(
      'contexts lie 16 bytes apart',
      'context of entry 1',
      tables((table, bytes) => altered(table, { context: (i) => bytes.read(16 * i + 16, 24) })),
    ),
    planted(
      'contexts have 8 bytes less',
      'context of entry 0',
      tables((table, bytes) => altered(table, { context: (i) => bytes.read(40 * i + 8, 24) })),
    ),
    planted(
      'AVStream keeps its addresses there',
      'address of entry',
      tables((table, bytes) => altered(table, { segments: () => entriesAt(bytes, table.Count, 40, 16) })),
    ),
    planted(
      'AVStream keeps its lengths there',
      'length of entry',
      tables((table, bytes) =>
        altered(table, {
          segments: () =>
            Segments.of([...table.segments()].map(({ bus }, i) => ({ bus, length: bytes.u32(i * 40 + 24) }))),
        }),
      ),
    ),
    planted('the table is too short', 'the pool block behind', tooShort),
    planted('the release does nothing', 'DMA mappings after the release', releaseForgotten),
  ],
  'ks/entries-are-bounded-and-complete': [
    planted(
      'the bound is ignored',
      'length of entry',
      registering((_, stride) => [64 * PAGE_SIZE, stride]),
    ),
    planted(
      'the last entry is empty',
      'length of entry',
      tableBytes((bytes, { Count, stride }) => bytes.set32(lastLength(Count, stride), 0)),
    ),
    planted(
      'a byte is missing',
      'sum of the lengths',
      tableBytes((bytes, { Count, stride }) => {
        const at = lastLength(Count, stride)
        bytes.set32(at, bytes.u32(at) - 1)
      }),
    ),
    planted('the domain leaves out a page', 'the segments end before the part does', lastPageMissing),
  ],
  'ks/device-fills-the-frame': [
    fault('dma-drops-last-byte', 'the buffer after'),
    fault('dma-writes-one-byte-too-many', 'the buffer after'),
    fault('dma-writes-before', 'the buffer after'),
    fault('dma-wrong-page', 'the buffer after'),
    fault('dma-page-offset-lost', 'the buffer after'),
    fault('dma-swaps-bytes', 'the buffer after'),
    planted('entries are out of order', 'the buffer after', swapped),
    planted('the stride is ignored', 'length of an entry', tableBytes(pack)),
    planted(
      'the last entry is missing',
      'bytes of the frame',
      tables((table) => altered(table, { Count: table.Count - 1 })),
    ),
    planted(
      'the bound is ignored',
      'length of an entry',
      registering((_, stride) => [64 * PAGE_SIZE, stride]),
    ),
    planted('the port shows the pages backwards', 'the buffer after', reversed),
    planted('a bounce buffer copies too much', 'a page beside', bouncesTooMuch),
  ],
  'ks/addresses-are-logical': [
    planted(
      'they are frame addresses',
      'no frame address',
      tableBytes((bytes, { Count, stride }, mdl) => {
        for (let i = 0; i < Count; i++) bytes.set64(i * stride, (mdl.slots()[i] ?? 0n) * BigInt(PAGE_SIZE))
      }),
    ),
    fault('dma-reads-zeros', 'bytes across the pages'),
    planted('entries are out of order', 'bytes across the pages', swapped),
  ],
  'ks/last-reference-ends-access': [
    fault('iommu-keeps-translation', 'after it was released'),
    fault('dma-writes-lost', 'while it is referenced'),
    planted('the release does nothing', 'after it was released', releaseForgotten),
  ],
}
