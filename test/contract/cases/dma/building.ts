import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes, adapters, describing, listBytes } from '../plants/broken-ddi.ts'
import { bouncesTooMuch, domain } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'
import { type Output, answering, both, misanswering, passing, platform, tolerating } from './broken.ts'
import { getting, offsetLost, putKeeps, swapped } from './lists.ts'

const TIGHT = 16 + 24 * 3
const WHOLE = TIGHT + 16

type Build = Parameters<DmaAdapter['BuildScatterGatherList']>

const building = (build: (real: DmaAdapter['BuildScatterGatherList'], ...args: Build) => number): Plant =>
  adapters((adapter) => ({
    BuildScatterGatherList: (...args) => build(adapter.BuildScatterGatherList.bind(adapter), ...args),
  }))

/** A buffer too small is taken for one that is large enough; perhaps the routine sees the list, and the caller is told. */
const tooSmall = (calls: boolean, status: number): Plant =>
  building((build, device, mdl, at, length, routine, context, write, address, size) => {
    if (size !== TIGHT) return build(device, mdl, at, length, routine, context, write, address, size)
    build(device, mdl, at, length, calls ? routine : () => undefined, context, write, address, WHOLE)
    return status
  })

const calculating = (spoil: (size: Output, registers: Output, args: readonly unknown[]) => void): Plant =>
  misanswering('CalculateScatterGatherList', (status, ...args) => {
    spoil(args[3] as Output, args[4] ?? {}, args)
    return status
  })

/** Every chain is mapped as if its last page were the first once more. */
const lastIsFirst = domain((dma) => ({
  map: ({ memory, indices }, ...rest) => {
    const frames = indices.slice()
    frames[frames.length - 1] = frames[0] ?? 0
    return dma.map({ memory, indices: frames.length < 2 ? indices : frames }, ...rest)
  },
}))

type Ex = Parameters<DmaAdapter['GetScatterGatherListEx']>
const [FLAGS, ROUTINE, OUT] = [5, 6, 11]

const ex = (change: (status: number, out: Output, args: Ex) => unknown): Plant =>
  misanswering('GetScatterGatherListEx', (status, ...args) =>
    change(status as number, args[OUT] ?? {}, args as unknown as Ex),
  )

const noShortage = platform({ mapRegisters: Number.POSITIVE_INFINITY })
const busy = NtStatus.STATUS_INSUFFICIENT_RESOURCES

/** Defects for the cases of lists that are built, sized, chained and waited for. */
export const buildingDefects: Defects = {
  'dma/build-into-own-buffer': [
    planted(
      'nothing is kept behind the elements',
      'the system keeps something',
      calculating((size) => void (size.value = TIGHT)),
    ),
    planted('any size will do', 'status for a size counted by hand', tooSmall(true, 0)),
    planted('a list nevertheless', 'list in a buffer too small', tooSmall(true, NtStatus.STATUS_BUFFER_TOO_SMALL)),
    planted('a mapping nevertheless', 'mappings for a buffer', tooSmall(false, NtStatus.STATUS_BUFFER_TOO_SMALL)),
    planted(
      'no size will do',
      'BuildScatterGatherList',
      answering('BuildScatterGatherList', NtStatus.STATUS_BUFFER_TOO_SMALL),
    ),
    planted(
      'the system’s memory is taken',
      'address of the list',
      adapters((adapter) => ({
        BuildScatterGatherList: (...[device, mdl, at, length, routine, context, write, address, size]: Build) =>
          size === TIGHT
            ? adapter.BuildScatterGatherList(device, mdl, at, length, routine, context, write, address, size)
            : adapter.GetScatterGatherList(device, mdl, at, length, routine, context, write),
      })),
    ),
    planted(
      'a byte is missing',
      'bytes of the list',
      adapters((adapter, kernel) => ({
        BuildScatterGatherList: (...[device, mdl, at, length, routine, context, write, address, size]: Build) => {
          const spoilt: Build[4] = (one, irp, list, own) => {
            const bytes = new Bytes(kernel, list.address)
            bytes.set32(24, bytes.u32(24) - 1)
            routine(one, irp, list, own)
          }
          return adapter.BuildScatterGatherList(device, mdl, at, length, spoilt, context, write, address, size)
        },
      })),
    ),
    planted('Put unmaps nothing', 'mappings after Put', putKeeps),
  ],
  'dma/calculated-size': [
    planted(
      'one register for all',
      'map registers for 4 pages',
      calculating((_, registers) => void (registers.value = 1)),
    ),
    planted(
      'room for three',
      'room for 4 elements at IRQL 0',
      calculating((size) => void (size.value = WHOLE)),
    ),
    planted(
      'not at every level',
      'CalculateScatterGatherList',
      adapters((adapter, kernel) => ({
        CalculateScatterGatherList: (...args) =>
          kernel.KeGetCurrentIrql() > KIRQL.DISPATCH_LEVEL
            ? NtStatus.STATUS_UNSUCCESSFUL
            : adapter.CalculateScatterGatherList(...args),
      })),
    ),
    planted(
      'the worst case is one element',
      'room for 4 elements in the worst case',
      calculating((size, _, args) => void (size.value = args[0] === null ? 56 : size.value)),
    ),
    planted(
      'it is the worst case always',
      'adjacent pages take less',
      passing('CalculateScatterGatherList', (_mdl, ...rest) => [null, ...rest]),
    ),
    planted(
      'an element is missing',
      'elements of scattered pages',
      listBytes((bytes) => bytes.set32(0, 3)),
    ),
  ],
  'dma/chain-of-mdls': [
    planted('the offset in the page is lost', 'the first MDL in front', offsetLost),
    fault('dma-writes-lost', 'the first MDL’s part'),
    planted('elements are out of order', 'the first MDL’s part', swapped),
    planted('another page is mapped for the second MDL', 'the first MDL in front', lastIsFirst),
    fault('dma-ignores-length-above-2048', 'the second MDL’s part'),
    fault('dma-writes-one-byte-too-many', 'the second MDL behind the range'),
    planted(
      'the second MDL is overlooked',
      'GetScatterGatherList',
      answering('GetScatterGatherList', NtStatus.STATUS_BUFFER_TOO_SMALL),
    ),
    planted(
      'the range is cut',
      'status for a byte more than the chain has',
      getting(({ length }) => ({ length: Math.min(length, 3 * PAGE_SIZE) })),
    ),
    planted(
      'only the first MDL is counted',
      'status for more pages than registers',
      misanswering('GetScatterGatherList', (status) => (status === busy ? 0 : status)),
    ),
  ],
  'dma/one-element-without-scatter-gather': [
    planted(
      'it is taken for a device with it',
      'elements',
      describing((one) => one.set('ScatterGather', 1)),
    ),
    planted(
      'a byte is missing',
      'Length of the element',
      listBytes((bytes) => bytes.set32(24, bytes.u32(24) - 1)),
    ),
    fault('dma-swaps-bytes', 'the buffer'),
    fault('dma-wrong-page', 'the buffer'),
    planted('the offset in the page is lost', 'in front of the buffer', offsetLost),
    fault('dma-writes-one-byte-too-many', 'behind the buffer'),
    planted('a bounce buffer copies too much', 'the pages between', bouncesTooMuch),
  ],
  'dma/limits-of-elements': [
    planted('any length', 'has at most 3000', platform({ longestElement: 0xffff_ffff })),
    planted('no boundary', 'multiple of 8192 below', platform({ boundary: 0 })),
    planted('elements are out of order', 'what the device received', swapped),
    fault('dma-reads-zeros', 'what the device received'),
  ],
  'dma/lists-wait-for-registers': [
    planted('there are always enough', 'routines before registers are free', noShortage),
    planted(
      'waiting is refused',
      'status of first, which waits',
      misanswering('GetScatterGatherList', (status, ...args) => (args[5] === 'first' ? busy : status)),
    ),
    planted('registers do not come back', 'routines once four registers are free', putKeeps),
    planted(
      'routines run at another level',
      'routines once four registers are free',
      adapters((adapter, kernel) => ({
        GetScatterGatherList: (...[device, mdl, at, length, routine, ...rest]) => {
          const lower: typeof routine = (...args) => {
            kernel.KeLowerIrql(KIRQL.APC_LEVEL)
            routine(...args)
            kernel.KeRaiseIrql(KIRQL.DISPATCH_LEVEL)
          }
          return adapter.GetScatterGatherList(device, mdl, at, length, lower, ...rest)
        },
      })),
    ),
    planted(
      'the last is forgotten',
      'routines once two more are free',
      adapters((adapter) => ({
        GetScatterGatherList: (...args) => (args[5] === 'third' ? 0 : adapter.GetScatterGatherList(...args)),
      })),
    ),
  ],
  'dma/synchronous-list': [
    planted(
      'nobody needs a routine',
      'status without a routine, asynchronously',
      passing('GetScatterGatherListEx', (...args) => args.map((arg, at) => (at === FLAGS ? 1 : arg))),
    ),
    planted(
      'nobody needs an answer',
      'status without a routine or an output',
      ex((status, _, args) => (args[OUT] === null && args[ROUTINE] === null ? 0 : status)),
    ),
    planted(
      'the range is cut',
      'status for a byte more',
      passing('GetScatterGatherListEx', (...args) => args.map((arg, at) => (at === 4 && arg === 2 ? 1 : arg))),
    ),
    planted(
      'a byte is mapped',
      'no bytes',
      passing('GetScatterGatherListEx', (...args) => args.map((arg, at) => (at === 4 && arg === 0 ? 1 : arg))),
    ),
    planted('there are always enough', 'status while no register is free', noShortage),
    planted(
      'a list nevertheless',
      'list while no register is free',
      ex((status, out) => {
        if (status === busy) out.value = {}
        return status
      }),
    ),
    planted(
      'a mapping nevertheless',
      'mappings while no register is free',
      both(
        noShortage,
        ex((status, out) => {
          delete out.value
          return status === 0 ? busy : status
        }),
      ),
    ),
    planted(
      'it fails always',
      'status once they are free',
      ex((status) => (status === 0 ? busy : status)),
    ),
    planted(
      'it gives nothing',
      'the list by the last parameter',
      ex((status, out) => {
        delete out.value
        return status
      }),
    ),
    planted(
      'a byte is missing',
      'bytes of the list',
      passing('GetScatterGatherListEx', (...args) =>
        args.map((arg, at) => (at === 4 && arg === PAGE_SIZE ? 4095 : arg)),
      ),
    ),
    planted('the channel is forgotten', 'before FreeAdapterObject', tolerating('PutDmaAdapter', 0x08)),
  ],
}
