import { busAddress } from '../../../../src/base/address.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { adapters, describing } from '../plants/broken-ddi.ts'
import { domain } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'
import { type Output, answering, misanswering, passing, tolerates } from './broken.ts'
import { telling } from './lists.ts'

type Map = Parameters<DmaAdapter['MapTransfer']>

/** MapTransfer gives another address than the one that is mapped. */
const elsewhere = (change: (bus: bigint) => bigint): Plant =>
  misanswering('MapTransfer', (bus) => busAddress(change(bus as bigint)))

/** What comes back in Length. */
const lengths = (name: 'MapTransfer' | 'MapTransferEx', at: number, change: (length: number) => number): Plant =>
  misanswering(name, (result, ...args) => {
    const length = args[at] as { value: number }
    length.value = change(length.value)
    return result
  })

const LENGTH_OF_MAP = 3
const LENGTH_OF_EX = 4
const ROOM = 7

const noFlush: Plant = adapters(() => ({ FlushAdapterBuffers: () => true }))

/** Mappings for writing end nowhere. */
const staysMapped = domain((dma) => ({
  map: (frames, access, placement) => {
    const mapping = dma.map(frames, access, placement)
    if (access === 'both') return mapping
    const { segments, size } = mapping
    return { segments, access, size, unmap: () => size, [Symbol.dispose]: () => undefined }
  },
}))

const ex = (change: (status: number, args: readonly unknown[]) => unknown): Plant =>
  misanswering('MapTransferEx', (status, ...args) => change(status as number, args))

/** The routine of every request runs at once, whoever has the channel. */
const atOnce: Plant = adapters((adapter) => {
  let kept = 0
  return {
    AllocateAdapterChannel: (device, count, routine, context) => {
      if (kept++ === 0) return adapter.AllocateAdapterChannel(device, count, routine, context)
      routine(device, undefined, undefined as never, context)
      return 0
    },
  }
})

const forgetting = (which: number): Plant =>
  adapters((adapter) => {
    let calls = 0
    return {
      AllocateAdapterChannel: (...args) => (++calls === which ? 0 : adapter.AllocateAdapterChannel(...args)),
    }
  })

const statusOf = (which: number): Plant => {
  let calls = 0
  return misanswering('AllocateAdapterChannel', (status) => (++calls === which ? NtStatus.STATUS_UNSUCCESSFUL : status))
}

/** Defects for the cases of packet DMA. */
export const packetDefects: Defects = {
  'dma/transfer-piece-by-piece': [
    planted(
      'the address is a page off',
      'what the device received',
      elsewhere((bus) => bus + 0x1000n),
    ),
    planted(
      'the offset in the page is lost',
      'what the device received',
      elsewhere((bus) => bus & ~4095n),
    ),
    planted(
      'all of it is claimed to be mapped',
      'pieces of scattered pages',
      misanswering('MapTransfer', (bus, ...args) => {
        const [, , at, length] = args as unknown as Map
        length.value = 300 + 3 * PAGE_SIZE - Number(at)
        return bus
      }),
    ),
    planted(
      'nothing is mapped',
      'MapTransfer maps 0 bytes',
      lengths('MapTransfer', LENGTH_OF_MAP, () => 0),
    ),
    fault('dma-reads-zeros', 'what the device received'),
    planted(
      'the flush fails',
      'FlushAdapterBuffers',
      misanswering('FlushAdapterBuffers', () => false),
    ),
    planted('the flush does nothing', 'mappings after the flush', noFlush),
    planted('any number is freed', 'freeing fewer registers', tolerates('FreeMapRegisters', 'caller-error')),
    planted(
      'there is no channel',
      'AllocateAdapterChannel',
      answering('AllocateAdapterChannel', NtStatus.STATUS_UNSUCCESSFUL),
    ),
  ],
  'dma/transfer-in-one-piece': [
    planted(
      'one page is one piece',
      'Length afterwards',
      describing((one) => one.set('ScatterGather', 1)),
    ),
    planted(
      'the offset in the page is lost',
      'the buffer',
      elsewhere((bus) => bus & ~4095n),
    ),
    fault('dma-writes-lost', 'the buffer'),
  ],
  'dma/long-transfer-in-operations': [
    planted(
      'a register too many is told',
      'map registers',
      telling((granted) => granted + 1),
    ),
    planted('the mapping fails', 'MapTransferEx', answering('MapTransferEx', NtStatus.STATUS_INVALID_PARAMETER)),
    planted(
      'everything is claimed to be mapped',
      'bytes of an operation',
      lengths('MapTransferEx', LENGTH_OF_EX, () => 12 * PAGE_SIZE),
    ),
    planted(
      'a byte less is told than is mapped',
      'what the device received',
      lengths('MapTransferEx', LENGTH_OF_EX, (length) => length - 1),
    ),
    fault('dma-swaps-bytes', 'what the device received'),
    planted(
      'the flush fails',
      'FlushAdapterBuffersEx',
      misanswering('FlushAdapterBuffersEx', () => NtStatus.STATUS_UNSUCCESSFUL),
    ),
    planted(
      'each operation maps a page less than it could',
      'operations',
      passing('MapTransferEx', (...args: readonly unknown[]) => {
        const length = args[LENGTH_OF_EX] as { value: number }
        length.value = Math.min(length.value, 3 * PAGE_SIZE)
        return args
      }),
    ),
  ],
  'dma/map-transfer-ex-results': [
    planted(
      'room is made up',
      'status without room for one element',
      ex((status, args) => (args[ROOM] === 48 ? 0 : status)),
    ),
    planted('no bytes are some', 'no bytes', tolerates('MapTransferEx', 0x21, 0)),
    planted('the range is cut', 'a byte more than the chain has', tolerates('MapTransferEx', 0x24, 0)),
    planted(
      'a short buffer is an error',
      'status with room for one element of three',
      ex((status, args) => (status === 0 && (args[LENGTH_OF_EX] as Output).value === PAGE_SIZE ? 1 : status)),
    ),
    planted(
      'everything is claimed to be mapped',
      'bytes mapped with room for one element',
      lengths('MapTransferEx', LENGTH_OF_EX, (length) => (length === PAGE_SIZE ? 3 * PAGE_SIZE : length)),
    ),
    planted('flushes are not missed', 'mapping again before the flush', tolerates('MapTransferEx', 0x0d, 0)),
    planted(
      'nothing can be cancelled',
      'CancelMappedTransfer',
      answering('CancelMappedTransfer', NtStatus.STATUS_UNSUCCESSFUL),
    ),
    planted(
      'the cancellation is forgotten',
      'status after the cancellation',
      ex((status) => (status === NtStatus.STATUS_CANCELLED ? 0 : status)),
    ),
    planted(
      'nothing is left to flush',
      'flush after the cancellation',
      misanswering('FlushAdapterBuffersEx', () => NtStatus.STATUS_CANCELLED),
    ),
    planted(
      'there is no channel',
      'AllocateAdapterChannelEx without a routine',
      answering('AllocateAdapterChannelEx', NtStatus.STATUS_INVALID_PARAMETER),
    ),
  ],
  'dma/flush-ends-access': [
    fault('iommu-keeps-translation', 'memory after a write behind the flush'),
    planted('the flush unmaps nothing', 'memory after a write behind the flush', staysMapped),
    planted(
      'directions do not matter',
      'a flush in the other direction',
      tolerates('FlushAdapterBuffers', 'caller-error', true),
    ),
    planted(
      'a half is the whole',
      'a flush of half of it',
      passing('FlushAdapterBuffers', (...args: readonly unknown[]) => args.map((arg, at) => (at === 3 ? 64 : arg))),
    ),
    fault('dma-writes-lost', 'memory after the flush'),
  ],
  'dma/channel-in-turn': [
    planted('everybody has it', 'routines while the channel is kept', atOnce),
    planted('nobody else may wait', 'status of the second', statusOf(2)),
    planted('one may wait', 'status of the third', statusOf(3)),
    planted('the second is forgotten', 'routines after the first FreeAdapterChannel', forgetting(2)),
    planted('the third is forgotten', '0xe6/0x4', forgetting(3)),
    planted('a device object may ask twice', 'a second channel', tolerates('AllocateAdapterChannel', 0x0b, 0)),
    planted(
      'bus masters may keep it',
      'a bus master that keeps',
      tolerates('AllocateAdapterChannel', 'caller-error', 0),
    ),
  ],
}
