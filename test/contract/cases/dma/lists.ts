import { va } from '../../../../src/base/address.ts'
import { ProbarError } from '../../../../src/base/errors.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import { Segments } from '../../../../src/device/segments.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { altered } from '../plants/altered.ts'
import { type ListArguments, adapters, describing, dma, listBytes, lists, mm } from '../plants/broken-ddi.ts'
import {
  domain,
  lastPageMissing,
  bouncesTooMuch,
  frameAddressesReach,
  identity,
  reportedFaults,
} from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

const HEADER = 16
const ELEMENT = 24
const FIRST = HEADER
const LAST_LENGTH = (count: number): number => HEADER + (count - 1) * ELEMENT + 8

/** GetScatterGatherList with other arguments. */
export const getting = (change: (request: { at: bigint; length: number }) => { at?: bigint; length?: number }): Plant =>
  adapters((adapter) => ({
    GetScatterGatherList: (device, mdl, at, length, ...rest) => {
      const request = { at, length, ...change({ at, length }) }
      return adapter.GetScatterGatherList(device, mdl, va(request.at), request.length, ...rest)
    },
  }))

/** GetScatterGatherList gives this status, although the pages are mapped; perhaps the routine is called too. */
const refusing = (status: number, call: boolean): Plant =>
  adapters((adapter) => ({
    GetScatterGatherList: (...[device, mdl, at, length, routine, ...rest]: ListArguments) => {
      const fits = Math.min(length, 2 * PAGE_SIZE - Number(at))
      adapter.GetScatterGatherList(device, mdl, at, fits, call ? routine : () => undefined, ...rest)
      return status
    },
  }))

export const putKeeps = adapters(() => ({ PutScatterGatherList: () => undefined }))

const putTolerates = (codes: readonly string[]): Plant =>
  adapters((adapter) => ({
    PutScatterGatherList(list, write) {
      try {
        adapter.PutScatterGatherList(list, write)
      } catch (error) {
        if (!(error instanceof ProbarError) || !codes.includes(error.code)) throw error
      }
    },
  }))

/** What Put refuses is put, too. */
const putsAllTheSame = adapters((adapter) => ({
  PutScatterGatherList(list, write) {
    try {
      adapter.PutScatterGatherList(list, write)
    } catch (error) {
      adapter.PutScatterGatherList(list, !write)
      throw error
    }
  },
}))

/** Every list routine runs at a lower level, or as often as told. */
const calling = (times: number, irql: number): Plant =>
  adapters((adapter, kernel) => ({
    GetScatterGatherList: (device, mdl, at, length, routine, ...rest) =>
      adapter.GetScatterGatherList(
        device,
        mdl,
        at,
        length,
        (...args) => {
          kernel.KeLowerIrql(irql)
          for (let i = 0; i < times; i++) routine(...args)
          kernel.KeRaiseIrql(KIRQL.DISPATCH_LEVEL)
        },
        ...rest,
      ),
  }))

const atAnyLevel = adapters((adapter, kernel) => ({
  GetScatterGatherList: (...args) => kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.GetScatterGatherList(...args)),
}))

/** The number of map registers that a driver is told. */
export const telling = (told: (granted: number) => number | undefined): Plant =>
  dma((dma) => ({
    IoGetDmaAdapter(device, description, registers) {
      const adapter = dma.IoGetDmaAdapter(device, description, registers)
      const number = told(registers.value ?? 0)
      delete registers.value
      if (number !== undefined) registers.value = number
      return adapter
    },
  }))

/** The address of the frame behind each element, in place of the bus address. */
export const physicalElements = listBytes((bytes, list, mdl) => {
  for (let i = 0; i < list.NumberOfElements; i++)
    bytes.set64(FIRST + i * ELEMENT, (mdl.slots()[i] ?? 0n) * BigInt(PAGE_SIZE))
})

export const offsetLost = listBytes((bytes) => bytes.set64(FIRST, bytes.u64(FIRST) & ~4095n))
export const swapped = listBytes((bytes, list) =>
  bytes.exchange(FIRST, FIRST + (list.NumberOfElements - 1) * ELEMENT, ELEMENT),
)
const byteShort = listBytes((bytes, { NumberOfElements: n }) =>
  bytes.set32(LAST_LENGTH(n), bytes.u32(LAST_LENGTH(n)) - 1),
)

const grantsBoth = domain((dma) => ({
  map: (frames, _access, placement) => dma.map(frames, 'both', placement),
}))

const freesAllTheSame = mm((mm) => ({
  MmFreePagesFromMdl(mdl) {
    mm.countList(mdl, -1)
    mm.MmFreePagesFromMdl(mdl)
    mm.countList(mdl, 1)
  },
}))

/** The platform tells of a page that it did not unmap. */
const unmapsShort = domain((dma) => ({
  map(frames, access, placement) {
    const mapping = dma.map(frames, access, placement)
    return access === 'both' ? mapping : altered(mapping, { unmap: () => mapping.unmap() - PAGE_SIZE })
  },
}))

/** Each page is a mapping of its own, and only the first one ends. */
const unmapsTheFirstOnly = domain((dma) => ({
  map({ memory, indices }, access, placement) {
    const parts = Array.from(indices, (index) => dma.map({ memory, indices: Uint32Array.of(index) }, access, placement))
    const size = parts.length * PAGE_SIZE
    const unmap = (): number => {
      parts[0]?.unmap()
      return size
    }
    const segments = Segments.of(parts.flatMap((part) => [...part.segments]))
    return { segments, access, size, unmap, [Symbol.dispose]: () => void unmap() }
  },
}))

/** Defects for the cases of scatter/gather lists. */
export const listDefects: Defects = {
  'dma/list-in-place': [
    planted(
      'elements of 16 bytes',
      'Address of element 1',
      lists((list, bytes) =>
        altered(list, {
          element: (i) => ({ Address: bytes.u64(FIRST + 16 * i), Length: bytes.u32(FIRST + 16 * i + 8) }),
        }),
      ),
    ),
    planted(
      'lengths of 2 bytes',
      'Length of element',
      lists((list) =>
        altered(list, { element: (i) => ({ ...list.element(i), Length: list.element(i).Length & 0xfff }) }),
      ),
    ),
    planted(
      'a count too many',
      'NumberOfElements',
      lists((list) => altered(list, { NumberOfElements: list.NumberOfElements + 1 })),
    ),
    planted('a byte is missing', 'sum of the Lengths', byteShort),
    planted('the domain leaves out a page', 'the segments end before the part does', lastPageMissing),
  ],
  'dma/device-writes-exactly-the-list': [
    fault('dma-drops-last-byte', 'the buffer'),
    fault('dma-writes-one-byte-too-many', 'behind the buffer'),
    fault('dma-writes-before', 'in front of the buffer'),
    fault('dma-shifts-by-one', 'the buffer'),
    fault('dma-swaps-bytes', 'the buffer'),
    fault('dma-ignores-length-above-2048', 'the buffer'),
    fault('dma-wrong-page', 'the buffer'),
    fault('dma-page-offset-lost', 'in front of the buffer'),
    fault('dma-done-early', 'the buffer'),
    fault('dma-never-completes', 'did not finish'),
    planted('the offset in the page is lost', 'in front of the buffer', offsetLost),
    planted('elements are out of order', 'the buffer', swapped),
    planted('a bounce buffer copies too much', 'the pages between', bouncesTooMuch),
  ],
  'dma/device-reads-through-the-list': [
    fault('dma-reads-zeros', 'what the device received'),
    fault('dma-drops-last-byte', 'what the device received'),
    fault('dma-wrong-page', 'what the device received'),
    planted(
      'it begins at the first page',
      'what the device received',
      getting(({ at }) => ({ at: at % BigInt(PAGE_SIZE) })),
    ),
    planted('the offset in the page is lost', 'what the device received', offsetLost),
    planted('elements are out of order', 'what the device received', swapped),
    planted('a byte is missing', 'length in bytes', byteShort),
  ],
  'dma/completion-by-interrupt': [
    fault('irq-lost', 'fired no more than 0 times'),
    fault('irq-at-completion-lost', 'fired no more than 0 times'),
    fault('interrupt-status-lost', 'interrupted for another reason'),
    fault('irq-spurious', 'interrupted for another reason'),
    fault('dma-writes-lost', 'memory after the interrupt'),
  ],
  'dma/addresses-within-reach': [
    planted(
      'an address is too high',
      'ends at or below',
      listBytes((bytes) => bytes.set64(FIRST, 1n << 28n)),
    ),
    fault('dma-writes-lost', 'the last bytes of the buffer'),
    planted('elements are out of order', 'the last bytes of the buffer', swapped),
  ],
  'dma/more-than-the-device-reaches': [
    planted(
      'the width is ignored',
      'ends at or below',
      describing((one) => one.set('DmaAddressWidth', 64)),
    ),
    planted('refused always', 'GetScatterGatherList', mappedThough('DmaAddressWidth')),
  ],
  'dma/range-beyond-the-mdl': [
    planted(
      'the range is cut',
      'status',
      getting(({ at, length }) => ({ length: Math.min(length, 2 * PAGE_SIZE - Number(at)) })),
    ),
    planted('a list nevertheless', 'list', refusing(NtStatus.STATUS_BUFFER_TOO_SMALL, true)),
    planted('a mapping nevertheless', 'mappings', refusing(NtStatus.STATUS_BUFFER_TOO_SMALL, false)),
  ],
  'dma/more-pages-than-map-registers': [
    planted(
      'more are told than granted',
      'as many pages as granted',
      telling((granted) => granted + 1),
    ),
    planted(
      'more are granted than told',
      'one page more',
      telling((granted) => granted - 1),
    ),
    planted(
      'none are told',
      'the number of map registers',
      telling(() => undefined),
    ),
    planted(
      'as many as one likes',
      'registers for 4 pages',
      describing((one) => one.set('MaximumLength', 2 ** 31)),
    ),
  ],
  'dma/elements-are-no-page-numbers': [planted('they are', 'no frame address', physicalElements)],
  'dma/put-ends-writing': [
    planted('only the first page is unmapped', 'memory after the access', unmapsTheFirstOnly),
    planted('a page stays mapped', 'the platform unmapped', unmapsShort),
    fault('iommu-keeps-translation', 'memory after the access'),
    fault('dma-writes-lost', 'while the list lives'),
    planted('Put unmaps nothing', 'memory after the access', putKeeps),
  ],
  'dma/put-ends-reading': [
    fault('iommu-keeps-translation', 'none of what memory holds'),
    fault('dma-reads-zeros', 'while the list lives'),
    planted('Put unmaps nothing', 'none of what memory holds', putKeeps),
  ],
  'dma/refused-write-is-reported': [
    fault('iommu-loses-faults', 'a fault'),
    fault('iommu-keeps-translation', 'a fault'),
    fault('iommu-wrong-fault-address', 'page of the fault'),
    fault('iommu-wrong-fault-direction', 'direction'),
    planted(
      'it names another device',
      'device',
      reportedFaults((one) => ({ ...one, device: '0000:00:06.0' })),
    ),
  ],
  'dma/bus-address-works-frame-address-does-not': [
    planted('there is no IOMMU', 'bus address and frame address', identity),
    planted('frame addresses work too', 'after a write at the frame address', frameAddressesReach),
    fault('dma-writes-lost', 'after a write at the bus address'),
    planted('the list names the frame', 'bus address and frame address', physicalElements),
  ],
  'dma/put-twice': [planted('it is tolerated', 'the second Put', putTolerates(['bugcheck']))],
  'dma/list-grants-one-direction': [
    fault('iommu-ignores-permissions', 'memory after a write'),
    planted('both directions are granted', 'memory after a write', grantsBoth),
  ],
  'dma/free-while-listed': [
    planted('the list is not counted', 'freeing the pages', freesAllTheSame),
    fault('dma-writes-lost', 'wrote after the refusal'),
  ],
  'dma/put-with-the-other-direction': [
    planted('it is tolerated', 'the other direction', putTolerates(['caller-error'])),
    planted('the list goes nevertheless', 'received after the refusal', putsAllTheSame),
    fault('dma-reads-zeros', 'received after the refusal'),
  ],
  'dma/zero-length': [
    planted(
      'a byte is mapped',
      'zero length',
      getting(({ length }) => ({ length: Math.max(1, length) })),
    ),
    planted(
      'an error is returned',
      'zero length',
      adapters(() => ({ GetScatterGatherList: () => NtStatus.STATUS_INVALID_PARAMETER })),
    ),
  ],
  'dma/list-at-dispatch-only': [
    planted('any level will do', 'at PASSIVE_LEVEL', atAnyLevel),
    planted('the routine runs at PASSIVE_LEVEL', 'called at IRQL 0', calling(1, KIRQL.PASSIVE_LEVEL)),
    planted('the routine is not called', 'level of the routine, once', calling(0, KIRQL.DISPATCH_LEVEL)),
    planted('the routine is called twice', '0xe6/0x6', calling(2, KIRQL.DISPATCH_LEVEL)),
  ],
}

/** The adapter maps with all address bits, and then says that it could not. */
function mappedThough(width: 'DmaAddressWidth'): Plant {
  return dma((dma) => ({
    IoGetDmaAdapter(device, description, registers) {
      description.set(width, 64)
      const adapter = dma.IoGetDmaAdapter(device, description, registers)
      if (adapter === null) return null
      return altered(adapter, {
        GetScatterGatherList: (one, mdl, at, length, _routine, ...rest) => {
          adapter.GetScatterGatherList(one, mdl, at, length, () => undefined, ...rest)
          return NtStatus.STATUS_INSUFFICIENT_RESOURCES
        },
      })
    },
  }))
}
