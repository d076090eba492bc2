import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { IO_ALLOCATION_ACTION } from '../../../../src/ddi/constants.ts'
import { adapters } from '../plants/broken-ddi.ts'
import { type Defects, planted } from '../plants/defect.ts'
import { answering, misanswering, tolerates } from './broken.ts'

/** Defects for the cases of misuse: each is one that nobody notices. */
export const misuseDefects: Defects = {
  'dma/freed-too-often': [
    planted('channels', 'a channel that is free', tolerates('FreeAdapterChannel', 0x04)),
    planted('map registers', 'more registers than were allocated', tolerates('FreeMapRegisters', 0x05)),
    planted(
      'map registers, of those that are freed',
      'registers that were freed',
      adapters((adapter) => ({
        FreeMapRegisters: (base, count) => {
          if (count === 3 || base.count === 0) return adapter.FreeMapRegisters(base, count)
          adapter.FreeMapRegisters(base, count)
          Object.defineProperty(base, 'count', { value: 0 })
          adapter.FreeMapRegisters = () => undefined
        },
      })),
    ),
    planted('common buffers', 'a common buffer that was freed', tolerates('FreeCommonBuffer', 0x03)),
  ],
  'dma/more-registers-than-there-are': [
    planted(
      'more than were granted',
      'one more than IoGetDmaAdapter told',
      tolerates('AllocateAdapterChannel', 0x0c, 0),
    ),
    planted('more than were allocated', 'three pages with two registers', tolerates('MapTransfer', 0x15, 0n)),
    planted('more than are left', 'two pages with one register left', tolerates('MapTransfer', [0x00, 2], 0n)),
    planted(
      'more than are left, of one page',
      'a page with no register left',
      adapters((adapter) => ({
        MapTransfer: (mdl, base, at, length, write) =>
          base.count === 1 && base.used === 1 ? (0n as never) : adapter.MapTransfer(mdl, base, at, length, write),
      })),
    ),
  ],
  'dma/flush-discipline': [
    planted('a flush of nothing', 'a flush of nothing', tolerates('FlushAdapterBuffers', 0x16, true)),
    planted('a flush of something else', 'a flush from another place', tolerates('FlushAdapterBuffers', 0x20, true)),
    planted('a flush of more', 'a flush of a byte too many', tolerates('FlushAdapterBuffers', [0x00, 1], true)),
    planted('mapped registers', 'freeing registers that are mapped', tolerates('FreeMapRegisters', 0x10)),
    planted(
      'the flush fails',
      'the flush of what is mapped',
      misanswering('FlushAdapterBuffers', () => false),
    ),
    planted(
      'the flush ends nothing',
      'a second flush',
      adapters((adapter) => ({
        FlushAdapterBuffers: (mdl, base, at, length, write) =>
          length === 200 ? true : adapter.FlushAdapterBuffers(mdl, base, at, length, write),
      })),
    ),
  ],
  'dma/buffers-that-are-none': [
    planted('in front, of a list', 'a list from in front', tolerates('GetScatterGatherList', [0x1f, 1], 0)),
    planted('behind, of a list', 'a list from behind', tolerates('GetScatterGatherList', [0x1f, 2], 0)),
    planted('outside, of a transfer', 'a transfer from in front', tolerates('MapTransfer', 0x1b, 0n)),
    planted(
      'behind, of a transfer',
      'a transfer from behind',
      adapters((adapter) => ({
        MapTransfer: (...args) => (args[2] > 4096n ? (0n as never) : adapter.MapTransfer(...args)),
      })),
    ),
    planted('too long by less than a page', 'ends behind the MDL in its last page', tolerates('MapTransfer', 0x24, 0n)),
    planted('too long by more', 'ends in a page behind', tolerates('MapTransfer', [0x1f, 3], 0n)),
    planted('mapped twice', 'bytes that are mapped', tolerates('MapTransfer', 0x1d, 0n)),
    planted('not locked', 'pages that are not locked', tolerates('GetScatterGatherList', 0x0e, 0)),
  ],
  'dma/registers-go-with-the-object': [
    planted(
      'the registers are kept',
      '0xe6/0x9',
      adapters((adapter) => ({
        AllocateAdapterChannel: (device, count, _routine, context) =>
          adapter.AllocateAdapterChannel(
            device,
            count,
            () => IO_ALLOCATION_ACTION.DeallocateObjectKeepRegisters,
            context,
          ),
      })),
    ),
    planted(
      'there is no channel',
      'AllocateAdapterChannel',
      answering('AllocateAdapterChannel', NtStatus.STATUS_UNSUCCESSFUL),
    ),
  ],
}
