import { type Va, va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { IO_ALLOCATION_ACTION, type Out } from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { MapRegisters } from '../../../ddi/dma/channel/map-registers.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { allocate, getList, mapSystem, mustGetList, openAdapter, putList, release } from '../parts/buffers.ts'
import { askAdapter, atDispatch, openDescribed, setPlatform } from '../parts/adapters.ts'
import { homeBytes, walkList } from '../parts/home-bytes.ts'

/** Of DMA_OPERATIONS: the size of each version, and byte offsets of members that every driver of it may call. */
const OPERATIONS = [
  { version: 0, size: 104, members: [8, 16, 24, 32, 40, 48, 56, 64, 72, 88, 96] },
  { version: 1, size: 104, members: [8, 16, 24, 32, 40, 48, 56, 64, 72, 88, 96] },
  { version: 2, size: 128, members: [8, 88, 96, 104, 112] },
  { version: 3, size: 320, members: [88, 112, 128, 136, 144, 152, 160, 176, 184, 192, 200, 208, 216, 224, 272, 312] },
] as const

/** A width of version 1 without scatter/gather on PCI: 24 bits; most of the domain lies above it. */
const ISA_BITS = 24
/** Lists enough for one to lie above 2^24 in a domain of 28 bits, unless something keeps them below. */
const TRIES = 32

/** Where one page is mapped for the adapter, as often as told. */
function highestEnd(context: Context, adapter: DmaAdapter, times: number): bigint {
  const mdl = allocate(context, PAGE_SIZE)
  let highest = 0n
  for (let i = 0; i < times; i++) {
    const list = mustGetList(context, adapter, mdl, { length: PAGE_SIZE, writeToDevice: true })
    const { bus, length } = walkList(context, list).at(0)
    const end = bus + BigInt(length)
    if (end > highest) highest = end
    putList(context, adapter, list, true)
  }
  release(context, mdl)
  return highest
}

export const adapterCases: readonly Case[] = [
  {
    id: 'dma/adapter-in-place',
    title: 'a DMA_ADAPTER has version 1 whatever was asked for, and its table has the members of the version',
    rules: ['DMA-001', 'DMA-011'],
    run: (context) => {
      const { check, ddi } = context
      for (const { version, size, members } of OPERATIONS) {
        const adapter = openDescribed(context, { Version: version, Dma32BitAddresses: 1 })
        const bytes = homeBytes(context, adapter.address, 16)
        check.equal(bytes.getUint16(0, true), 1, `Version for version ${version}`)
        check.equal(bytes.getUint16(2, true), 16, `Size for version ${version}`)
        const table = va(bytes.getBigUint64(8, true))
        check.equal(
          homeBytes(context, table, 4).getUint32(0, true),
          size,
          `size of the operations of version ${version}`,
        )
        const pointers = homeBytes(context, table, size)
        for (const offset of members) {
          check.differ(pointers.getBigUint64(offset, true), 0n, `the operation at byte ${offset} of version ${version}`)
        }
        ddi.dma.PutDmaAdapter(adapter)
      }
    },
  },
  {
    id: 'dma/adapter-versions',
    title: 'an unsupported description version gives no adapter; the others set the number of map registers',
    rules: ['DMA-010', 'DMA-013', 'VER-001', 'VER-008/0x25'],
    run: (context) => {
      const { check, ddi } = context
      for (const version of [0, 1, 2, 3]) {
        const got = askAdapter(context, { Version: version, Dma32BitAddresses: 1 }, 16 * PAGE_SIZE)
        const adapter = check.present(got.adapter, `an adapter for version ${version}`)
        const count = check.present(got.registers, `the number of map registers for version ${version}`)
        check.ok(count > 0, `map registers for version ${version}: ${count}`)
        ddi.dma.PutDmaAdapter(adapter)
      }
      check.bugCheck(0xe6, 0x13, 'at DISPATCH_LEVEL', () => atDispatch(context, () => askAdapter(context)))
      check.bugCheck(0xe6, 0x25, 'version 4, verified', () => askAdapter(context, { Version: 4 }))
      setPlatform(context, { verification: false })
      check.absent(askAdapter(context, { Version: 4 }).adapter, 'an adapter for version 4')
    },
  },
  {
    id: 'dma/operations-by-version',
    title: 'an operation that came with a later version is refused',
    rules: ['DMA-010'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, PAGE_SIZE)
      const calculate = (adapter: DmaAdapter, size: Out<number>): number =>
        adapter.CalculateScatterGatherList(mdl, va(0), PAGE_SIZE, size, null)
      const first = openDescribed(context, { Version: 1, Dma32BitAddresses: 1 })
      const second = openDescribed(context, { Version: 2, Dma32BitAddresses: 1 })
      const third = openAdapter(context)
      check.callerError('DMA-010', 'CalculateScatterGatherList of version 1', () => calculate(first, {}))
      for (const adapter of [second, third]) {
        const size: Out<number> = {}
        check.equal(calculate(adapter, size), 0, 'CalculateScatterGatherList since version 2')
        check.present(size.value, 'its size')
      }
      const free = (adapter: DmaAdapter): void => adapter.FreeAdapterObject(IO_ALLOCATION_ACTION.KeepObject)
      for (const adapter of [first, second]) {
        check.callerError('DMA-010', 'FreeAdapterObject before version 3', () => free(adapter))
      }
      free(third)
      for (const adapter of [first, second, third]) ddi.dma.PutDmaAdapter(adapter)
      release(context, mdl)
    },
  },
  {
    id: 'dma/width-by-description',
    title: 'without a width of its own a description reaches 24 bits, and 32 with scatter/gather on PCI',
    rules: ['DMA-012'],
    needs: ['engine', 'distinct-addresses', 'caller-placement'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const narrow = openDescribed(context, { Version: 1, ScatterGather: 0 })
      const highest = highestEnd(context, narrow, TRIES)
      check.ok(highest <= 1n << BigInt(ISA_BITS), `without scatter/gather ${TRIES} lists end at or below 2^${ISA_BITS}`)
      const wide = openDescribed(context, { Version: 1 })
      check.ok(highestEnd(context, wide, TRIES) > 1n << BigInt(ISA_BITS), `with it one of ${TRIES} ends above`)
      const mdl = allocate(context, PAGE_SIZE)
      const list = mustGetList(context, narrow, mdl, { length: 64, writeToDevice: false })
      const pattern = orderPattern(64, 13)
      await engine.write(walkList(context, list), pattern, { signal })
      putList(context, narrow, list, false)
      check.bytes(kernel.memory.read(mapSystem(context, mdl), 64), pattern, 'what the device wrote below 24 bits')
      release(context, mdl)
      for (const adapter of [narrow, wide]) ddi.dma.PutDmaAdapter(adapter)
    },
  },
  {
    id: 'dma/alignment',
    title: 'GetDmaAlignment is the platform’s, and buffers that do not keep to it are refused',
    rules: ['DMA-015', 'VER-007/0x1F/4', 'VER-007/0x1F/5'],
    run: (context) => {
      const { check } = context
      check.equal(openAdapter(context).GetDmaAlignment(), 1, 'alignment on x64')
      setPlatform(context, { alignment: 64 })
      const adapter = openAdapter(context)
      check.equal(adapter.GetDmaAlignment(), 64, 'alignment of a platform with lines of 64 bytes')
      const mdl = allocate(context, PAGE_SIZE)
      const list = mustGetList(context, adapter, mdl, { offset: 64, length: 128, writeToDevice: true })
      putList(context, adapter, list, true)
      const get = (offset: number, length: number) => () =>
        getList(context, adapter, mdl, { offset, length, writeToDevice: true })
      check.bugCheck(0xe6, [0x1f, 4], 'a start between two lines', get(32, 128))
      check.bugCheck(0xe6, [0x1f, 5], 'a length of half a line', get(64, 32))
      release(context, mdl)
    },
  },
  {
    id: 'dma/put-with-leftovers',
    title: 'an adapter is not released while it has common buffers, a channel, map registers or lists',
    rules: ['VER-003/0x07', 'VER-003/0x08', 'VER-003/0x09', 'VER-003/0x0A'],
    run: (context) => {
      const { check, ddi } = context
      const adapter = openDescribed(context, { Master: 0 })
      const put = (): void => ddi.dma.PutDmaAdapter(adapter)
      const logical: Parameters<DmaAdapter['AllocateCommonBuffer']>[1] = {}
      const buffer = check.present(adapter.AllocateCommonBuffer(100, logical, true), 'a common buffer')
      check.bugCheck(0xe6, 0x07, 'with a common buffer', put)
      adapter.FreeCommonBuffer(100, check.present(logical.value, 'its logical address'), buffer, true)

      const taken: MapRegisters[] = []
      const allocateChannel = (action: IO_ALLOCATION_ACTION): number =>
        atDispatch(context, () =>
          adapter.AllocateAdapterChannel(undefined, 1, (_d, _i, base) => (taken.push(base), action), 0),
        )
      check.equal(allocateChannel(IO_ALLOCATION_ACTION.KeepObject), 0, 'a channel')
      check.bugCheck(0xe6, 0x08, 'with a channel', put)
      atDispatch(context, () => adapter.FreeAdapterChannel())
      check.equal(allocateChannel(IO_ALLOCATION_ACTION.DeallocateObjectKeepRegisters), 0, 'map registers')
      check.bugCheck(0xe6, 0x09, 'with map registers', put)
      const last = check.present(taken[1], 'their base')
      atDispatch(context, () => adapter.FreeMapRegisters(last, 1))

      const mdl = allocate(context, PAGE_SIZE)
      const list = mustGetList(context, adapter, mdl, { length: 1, writeToDevice: true })
      check.bugCheck(0xe6, 0x0a, 'with a list', put)
      putList(context, adapter, list, true)
      release(context, mdl)
      put()
    },
  },
  {
    id: 'dma/dead-and-null-adapters',
    title: 'an adapter that was released, NULL, and HalGetAdapter are refused',
    rules: ['VER-008/0x18', 'VER-008/0x19', 'VER-008/0x1E'],
    run: (context) => {
      const { check, ddi } = context
      const adapter = openAdapter(context)
      ddi.dma.PutDmaAdapter(adapter)
      check.bugCheck(0xe6, 0x18, 'an operation of a released adapter', () => adapter.GetDmaAlignment())
      check.bugCheck(0xe6, 0x18, 'releasing it again', () => ddi.dma.PutDmaAdapter(adapter))
      check.bugCheck(0xe6, 0x19, 'releasing NULL', () => ddi.dma.PutDmaAdapter(null))
      check.bugCheck(0xe6, 0x1e, 'HalGetAdapter', () => ddi.dma.HalGetAdapter())
    },
  },
  {
    id: 'dma/verification-off',
    title:
      'what has a status and a bug check gives the status where DMA is not verified, and no guards stand around buffers',
    rules: ['VER-001', 'VER-005/0x0C', 'DMA-052'],
    run: (context) => {
      const { check, kernel } = context
      const tooMany = (): number => {
        const { adapter, registers = 0 } = askAdapter(context, {}, PAGE_SIZE)
        const asked = check.present(adapter, 'a DMA adapter')
        const routine = () => IO_ALLOCATION_ACTION.DeallocateObject
        return atDispatch(context, () => asked.AllocateAdapterChannel(undefined, registers + 1, routine, undefined))
      }
      check.bugCheck(0xe6, 0x0c, 'one map register too many, verified', tooMany)
      setPlatform(context, { verification: false })
      check.equal(tooMany(), NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'one map register too many, not verified')
      const adapter = openAdapter(context)
      const logical: Parameters<DmaAdapter['AllocateCommonBuffer']>[1] = {}
      const buffer: Va = check.present(adapter.AllocateCommonBuffer(100, logical, true), 'a common buffer')
      kernel.memory.write(va(buffer + 100n), new Uint8Array(8))
      adapter.FreeCommonBuffer(100, check.present(logical.value, 'its logical address'), buffer, true)
    },
  },
]
