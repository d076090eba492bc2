import { va } from '../../../../../src/base/address.ts'
import { NtStatusError, ProbarError } from '../../../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../../../src/base/pages.ts'
import { MdlFlags } from '../../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { altered } from '../../plants/altered.ts'
import { mapping, mm } from '../../plants/broken-ddi.ts'
import { cutting, io, parts, swallow } from '../../plants/broken-io.ts'
import { native } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const { MDL_MAPPED_TO_SYSTEM_VA, MDL_PARTIAL, MDL_PARTIAL_HAS_BEEN_MAPPED, MDL_PAGES_LOCKED } = MdlFlags

/** Parts of parts only, or of whole MDLs only. */
const isInner = (source: Mdl): boolean => source.has(MDL_PARTIAL)

/** The part begins this many bytes further on than it was asked for. */
const shifted = (bytes: bigint, when: (source: Mdl) => boolean = () => true): Plant =>
  cutting((io, [source, target, address, length]) => {
    const at = source !== null && when(source) ? va(address + bytes) : address
    io.IoBuildPartialMdl(source, target, at, length)
  })

/** The length that IoBuildPartialMdl gets. */
const length = (change: (length: number) => number): Plant =>
  cutting((io, [source, target, address, bytes]) => io.IoBuildPartialMdl(source, target, address, change(bytes)))

/** What is refused is left undone without a word. */
const refusalsSwallowed = cutting((io, args) => swallow(() => io.IoBuildPartialMdl(...args), undefined))

/** What is refused is refused by a status. */
const refusalsRaised = cutting((io, args) => {
  try {
    io.IoBuildPartialMdl(...args)
  } catch (error) {
    throw error instanceof ProbarError ? new NtStatusError(0xc000_000d, error.message) : error
  }
})

/** The view of a part shows other frames: those of its own, as a copy would be. */
const viewElsewhere = (which: number): Plant =>
  native((memory) => {
    let made = 0
    return {
      mapFrames: (at, area, indices, protection) =>
        memory.mapFrames(at, area, made++ === which ? indices.map((index) => index ^ 1) : indices, protection),
    }
  })

const unmapping = (unmap: (mm: Mm, mdl: Mdl) => void): Plant =>
  mm((mm) => ({
    MmUnmapLockedPages: (address, mdl) => (mdl.has(MDL_PARTIAL) ? unmap(mm, mdl) : mm.MmUnmapLockedPages(address, mdl)),
  }))

/** The system address on demand, with what stands in its place. */
const onDemand = (find: (mm: Mm, mdl: Mdl, priority: number) => ReturnType<Mm['MmGetSystemAddressForMdlSafe']>) =>
  mm((mm) => ({ MmGetSystemAddressForMdlSafe: (mdl, priority) => find(mm, mdl, priority) }))

const noPrepare = mm(() => ({ MmPrepareMdlForReuse: () => undefined }))

/** Ends whatever mapping there is. */
const prepareEndsAny = mm((mm) => ({
  MmPrepareMdlForReuse(mdl) {
    mm.MmPrepareMdlForReuse(mdl)
    if (!mdl.has(MDL_PARTIAL) && mdl.has(MDL_MAPPED_TO_SYSTEM_VA)) {
      mm.MmUnmapLockedPages(va(mdl.header.get('MappedSystemVa')), mdl)
    }
  },
}))

const asked = new WeakSet<Mdl>()
/** Views of a later mapping lose what is stored into them. */
const laterStoresLost = native((memory) => {
  const made: number[] = []
  return {
    mapFrames(...args) {
      const area = memory.mapFrames(...args)
      made.push(area)
      return area
    },
    write: (area, offset, bytes) => (area === made[1] ? undefined : memory.write(area, offset, bytes)),
  }
})

/** The source's view goes when a part of it is freed. */
function mappingGoesWithThePart(): Plant {
  return io((io, { mm }) => {
    let cut: Mdl | null = null
    return {
      IoBuildPartialMdl(source, ...rest) {
        io.IoBuildPartialMdl(source, ...rest)
        cut = source
      },
      IoFreeMdl(mdl) {
        io.IoFreeMdl(mdl)
        if (cut?.has(MDL_MAPPED_TO_SYSTEM_VA) === true) mm.MmUnmapLockedPages(va(cut.header.get('MappedSystemVa')), cut)
      },
    }
  })
}

/** A part that is to be mapped has its source mapped, and borrows of it. */
function mapsTheSource(): Plant {
  return {
    ddi: (ddi) => {
      let cut: Mdl | null = null
      return {
        ...ddi,
        io: altered(ddi.io, {
          IoBuildPartialMdl(source, ...rest) {
            ddi.io.IoBuildPartialMdl(source, ...rest)
            cut = source
          },
        }),
        mm: altered(ddi.mm, {
          MmGetSystemAddressForMdlSafe(mdl, priority) {
            const address = ddi.mm.MmGetSystemAddressForMdlSafe(mdl, priority)
            if (cut !== null) cut.MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA
            return address
          },
        }),
      }
    },
  }
}

/** Defects for the cases of partial MDLs. */
export const partialDefects: Defects = {
  'mdl/part-describes-the-same-frames': [
    planted('it begins a page late', 'the virtual address', shifted(4096n)),
    planted(
      'a part of a part begins with its page',
      'the virtual address',
      parts((part, source) => isInner(source) && part.header.set('ByteOffset', 0)),
    ),
    planted(
      'whole pages are counted',
      'ByteCount',
      parts((part) => part.header.set('ByteCount', 4 * PAGE_SIZE - 100)),
    ),
    planted(
      'it is not marked',
      'PARTIAL',
      parts((part) => void (part.MdlFlags &= ~MDL_PARTIAL)),
    ),
    planted(
      'it says that it has locked the pages',
      'PAGES_LOCKED',
      parts((part) => void (part.MdlFlags |= MDL_PAGES_LOCKED)),
    ),
    planted(
      'the page numbers are those of the start',
      'page number 0',
      parts((part, source) => part.slots().set(source.slots().subarray(0, part.capacity))),
    ),
    planted(
      'the last page number is missing',
      'page number 3',
      parts((part) => part.slots().fill(0n, 3)),
    ),
  ],
  'mdl/part-to-the-end': [
    planted(
      'nothing is nothing',
      'ByteCount',
      length((bytes) => Math.max(1, bytes)),
    ),
    planted(
      'it ends with a page too few',
      'ByteCount',
      parts((part) => part.header.set('ByteCount', part.header.get('ByteCount') - PAGE_SIZE)),
    ),
    planted(
      'a page number is wrong',
      'page number 4',
      parts((part) => part.slots().fill(0n, 4)),
    ),
  ],
  'mdl/part-inside-its-source': [
    planted('it is not noticed', 'a byte before the start, bug check', refusalsSwallowed),
    planted('a status is raised', 'a byte before the start, bug check', refusalsRaised),
    planted(
      'the end may be passed',
      'a byte past the end, bug check',
      length((bytes) => (bytes === 2 ? 1 : bytes)),
    ),
    planted(
      'the end is inside',
      'from the end on, bug check',
      cutting((io, [source, target, address, bytes]) =>
        io.IoBuildPartialMdl(source, target, bytes === 0 ? va(address - 1n) : address, bytes),
      ),
    ),
    planted(
      'the sum is cut to 32 bits',
      '2^32 - 1 bytes, bug check',
      length((bytes) => (bytes === 0xffff_ffff ? 0 : bytes)),
    ),
    planted(
      'nobody looks whether the pages are locked',
      'pages that are not locked',
      cutting((io, args) => {
        if (args[0]?.MdlFlags !== 0) io.IoBuildPartialMdl(...args)
      }),
    ),
    planted(
      'the target is marked before it is checked',
      'the target is none',
      cutting((io, args) => {
        try {
          io.IoBuildPartialMdl(...args)
        } catch (error) {
          if (args[1] !== null) args[1].MdlFlags |= MDL_PARTIAL
          throw error
        }
      }),
    ),
  ],
  'mdl/part-needs-room': [
    planted(
      'the array is written past its end',
      'three pages in a target for two',
      cutting((io, args) => swallow(() => io.IoBuildPartialMdl(...args), undefined)),
    ),
    planted(
      'Size becomes that of the part',
      'Size',
      parts((part) => part.header.set('Size', 48)),
    ),
    planted(
      'it has a page too many',
      'page numbers',
      parts((part) => part.header.set('ByteCount', PAGE_SIZE)),
    ),
  ],
  'mdl/part-borrows-the-mapping': [
    planted(
      'it starts unmapped',
      'MAPPED_TO_SYSTEM_VA',
      parts((part) => void (part.MdlFlags &= ~MDL_MAPPED_TO_SYSTEM_VA)),
    ),
    planted(
      'it says that the mapping is its own',
      'PARTIAL_HAS_BEEN_MAPPED is clear',
      parts((part) => void (part.MdlFlags |= MDL_PARTIAL_HAS_BEEN_MAPPED)),
    ),
    planted(
      "it has the source's address",
      'MappedSystemVa',
      parts((part, source) => part.header.set('MappedSystemVa', source.header.get('MappedSystemVa'))),
    ),
    planted(
      'the system address is that of the page',
      'the system address',
      onDemand((mm, mdl, priority) => va((mm.MmGetSystemAddressForMdlSafe(mdl, priority) ?? 0n) & ~4095n)),
    ),
    planted(
      'it maps its own all the same',
      'views',
      onDemand((mm, mdl, priority) => {
        const lent = mm.MmGetSystemAddressForMdlSafe(mdl, priority)
        mm.MmMapLockedPagesSpecifyCache(mdl, 1, 1, va(0n), false, priority)
        return lent
      }),
    ),
    planted('the mapping goes with the part', 'nothing is mapped', mappingGoesWithThePart()),
  ],
  'mdl/part-maps-on-demand': [
    planted(
      'it says that it is mapped',
      'it starts unmapped',
      parts((part) => void (part.MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA)),
    ),
    planted('it gets a view of the source', 'the source stays unmapped', mapsTheSource()),
    planted(
      'it makes two views',
      'views',
      onDemand((mm, mdl, priority) => {
        const address = mm.MmGetSystemAddressForMdlSafe(mdl, priority)
        mm.MmMapLockedPagesSpecifyCache(mdl, 1, 1, va(0n), false, priority)
        return address
      }),
    ),
    planted(
      'PARTIAL_HAS_BEEN_MAPPED is not set',
      'both flags are set',
      onDemand((mm, mdl, priority) => {
        const address = mm.MmGetSystemAddressForMdlSafe(mdl, priority)
        mdl.MdlFlags &= ~MDL_PARTIAL_HAS_BEEN_MAPPED
        return address
      }),
    ),
    planted(
      'the address is that of the page',
      'offset within the page',
      onDemand((mm, mdl, priority) => va((mm.MmGetSystemAddressForMdlSafe(mdl, priority) ?? 0n) & ~4095n)),
    ),
    planted('it shows other pages', 'what it shows', viewElsewhere(1)),
    planted(
      'each call maps anew',
      'the second call',
      onDemand((mm, mdl, priority) => {
        const address = mm.MmGetSystemAddressForMdlSafe(mdl, priority)
        return address !== null && asked.has(mdl) ? va(address + 4096n) : (asked.add(mdl), address)
      }),
    ),
    planted(
      'the view outlives the part',
      'a load after IoFreeMdl',
      io(() => ({ IoFreeMdl: () => undefined })),
    ),
  ],
  'mdl/part-shares-with-its-source': [
    planted('it is a copy', 'through the source', viewElsewhere(0)),
    planted('what is stored through the source gets lost', 'through the part', laterStoresLost),
    fault('dma-reads-zeros', 'as the device read the part'),
    fault('dma-shifts-by-one', 'as the device read the part'),
    fault('dma-wrong-page', 'as the device read the part'),
  ],
  'mdl/prepare-for-reuse': [
    planted('nothing is unmapped', 'a load through the old view', noPrepare),
    planted(
      'the flags stay',
      'both flags',
      mm((mm) => ({
        MmPrepareMdlForReuse(mdl) {
          const flags = mdl.MdlFlags
          mm.MmPrepareMdlForReuse(mdl)
          mdl.MdlFlags = flags
        },
      })),
    ),
    planted('it unmaps whatever is mapped', 'nothing is mapped', prepareEndsAny),
  ],
  'mdl/part-is-rebuilt-after-prepare': [
    planted(
      'rebuilding unmaps by itself',
      'rebuilding it while it is mapped',
      cutting((io, args, { mm }) => {
        if (args[1] !== null) mm.MmPrepareMdlForReuse(args[1])
        io.IoBuildPartialMdl(...args)
      }),
    ),
    planted('preparing does nothing', 'still mapped', noPrepare),
    planted(
      'it shows what it showed before',
      'what it shows then',
      cutting((io, [source, target, address, bytes]) =>
        io.IoBuildPartialMdl(source, target, bytes === 300 ? va(address - 4096n) : address, bytes),
      ),
    ),
  ],
  'mdl/part-is-not-unmapped': [
    planted(
      'its own mapping is unmapped',
      'its own mapping, bug check',
      unmapping((mm, mdl) => mm.MmPrepareMdlForReuse(mdl)),
    ),
    planted(
      'a borrowed one is left alone without a word',
      'the mapping of its source, bug check',
      unmapping((mm, mdl) => {
        if (mdl.has(MDL_PARTIAL_HAS_BEEN_MAPPED)) mm.MmUnmapLockedPages(va(mdl.header.get('MappedSystemVa')), mdl)
      }),
    ),
  ],
  'mdl/part-has-the-caching-type-of-its-frames': [
    planted(
      'only the MDL itself is looked at',
      'the source, cached',
      mapping((mm, mdl, mode, type, ...rest) => mm.MmMapLockedPagesSpecifyCache(mdl, mode, type && 0, ...rest)),
    ),
    planted(
      'parts are not looked at',
      'a part that shares a frame, cached',
      mapping((mm, mdl, mode, type, ...rest) =>
        mm.MmMapLockedPagesSpecifyCache(mdl, mode, mdl.has(MDL_PARTIAL) ? 0 : type, ...rest),
      ),
    ),
    planted(
      'all pages of the source have one type',
      'a part that shares none',
      mapping((mm, mdl, mode, type, ...rest) =>
        type === 1 && mdl.header.get('StartVa') === 0x4000n
          ? null
          : mm.MmMapLockedPagesSpecifyCache(mdl, mode, type, ...rest),
      ),
    ),
    planted('the type stays after the mapping', 'once the other is unmapped', noPrepare),
  ],
  'mdl/part-is-not-unlocked': [
    planted(
      'nothing is said',
      'unlocking the part',
      mm((mm) => ({ MmUnlockPages: (mdl) => (mdl.has(MDL_PARTIAL) ? undefined : mm.MmUnlockPages(mdl)) })),
    ),
    planted(
      'it says that it was never locked',
      'unlocking the part',
      mm((mm) => ({
        MmUnlockPages(mdl) {
          mdl.MdlFlags &= ~MDL_PARTIAL
          mm.MmUnlockPages(mdl)
        },
      })),
    ),
    planted(
      "the source's flag is cleared",
      "the source's PAGES_LOCKED",
      parts((_, source) => void (source.MdlFlags &= ~MDL_PAGES_LOCKED)),
    ),
    planted(
      'its pages are unlocked',
      'locks of it',
      mm((mm, { frames, locks }) => ({
        MmUnlockPages(mdl) {
          if (mdl.has(MDL_PARTIAL)) locks.unlock(Uint32Array.of(frames.indexOf(Number(mdl.slots()[0])) ?? 0))
          mm.MmUnlockPages(mdl)
        },
      })),
    ),
  ],
}
