import { type Va, va } from '../../../../../src/base/address.ts'
import { NtStatusError, ProbarError } from '../../../../../src/base/errors.ts'
import { MM_PAGE_PRIORITY, MdlFlags } from '../../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../../src/ddi/mm/mm.ts'
import { Protection } from '../../../../../src/native/surface.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { type MapArguments, mapped, mapping, mdls, mm } from '../../plants/broken-ddi.ts'
import { native, reversed, viewsOf } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const USER = 1

/** MmMapLockedPagesSpecifyCache with some of its arguments exchanged. */
interface MapRequest {
  readonly mode: number
  readonly type: number
  readonly at: Va
  readonly bugCheck: boolean
  readonly priority: number
}

const mappingWith = (change: (request: MapRequest) => Partial<MapRequest>): Plant =>
  mapping((mm, mdl, ...rest) => {
    const [mode, type, at, bugCheck, priority] = rest
    const request = { mode, type, at, bugCheck, priority, ...change({ mode, type, at, bugCheck, priority }) }
    const { mode: m, type: t, at: a, bugCheck: b, priority: p } = request
    return mm.MmMapLockedPagesSpecifyCache(mdl, m, t, a, b, p)
  })

/** The result in place of an error. */
const instead = (result: (mdl: Mdl, mode: number) => Va | null | undefined): Plant =>
  mapping((mm, ...args) => {
    try {
      return mm.MmMapLockedPagesSpecifyCache(...args)
    } catch (error) {
      const value = error instanceof ProbarError ? result(args[0], args[1]) : undefined
      if (value === undefined) throw error
      return value
    }
  })

const unmapping = (unmap: (mm: Mm, address: Va, mdl: Mdl) => void): Plant =>
  mm((mm) => ({ MmUnmapLockedPages: (address, mdl) => unmap(mm, address, mdl) }))

const noWrite = (priority: number): boolean => (priority & MM_PAGE_PRIORITY.MdlMappingNoWrite) !== 0
const otherFrames = (indices: Uint32Array): Uint32Array => indices.map((index) => index + 1)

/** Stores through the second view get lost. */
const userStoresLost = native((memory) => {
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

/** The second view shows the frames backwards. */
const secondViewReversed = native((memory) => {
  let made = 0
  return {
    mapFrames: (at, area, indices, protection) =>
      memory.mapFrames(at, area, made++ === 1 ? indices.toReversed() : indices, protection),
  }
})

/** The type of the first mapping stays for ever. */
const typeSticks = mm((mm) => {
  const first = new Map<Mdl, number>()
  return {
    MmMapLockedPagesSpecifyCache(mdl, mode, type, ...rest) {
      const fixed = first.get(mdl) ?? type
      first.set(mdl, fixed)
      return mode !== USER && fixed !== type ? null : mm.MmMapLockedPagesSpecifyCache(mdl, mode, type, ...rest)
    },
  }
})

/** A conflict in user mode gives NULL. */
function nullInUserMode(): Plant {
  return mapping((mm, ...args: MapArguments) => {
    try {
      return mm.MmMapLockedPagesSpecifyCache(...args)
    } catch (error) {
      if (error instanceof NtStatusError) return null
      throw error
    }
  })
}

/** A status in user mode is always this one. */
function alwaysRaises(status: number): Plant {
  return mapping((mm, ...args: MapArguments) => {
    try {
      return mm.MmMapLockedPagesSpecifyCache(...args)
    } catch (error) {
      throw error instanceof NtStatusError ? new NtStatusError(status, error.message) : error
    }
  })
}

/** Defects for the cases of MDL mapping. */
export const mappingDefects: Defects = {
  'mdl/system-mapping-state': [
    planted(
      'the address is off the page',
      'offset within the page',
      mapping((mm, ...args) => va((mm.MmMapLockedPagesSpecifyCache(...args) ?? 0n) + 16n)),
    ),
    planted(
      'the address is not noted',
      'MappedSystemVa',
      mapped((mdl) => mdl.header.set('MappedSystemVa', 0n)),
    ),
    planted(
      'the flag is not set',
      'is set',
      mapped((mdl) => void (mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)),
    ),
    planted(
      'the virtual address moves',
      'the virtual address stays',
      mapped((mdl) => mdl.header.set('StartVa', 4096n)),
    ),
    planted('the flag stays', 'is clear', unmapping(flagStays)),
  ],
  'mdl/views-show-the-frames-in-order': [
    planted('the view shows the pages backwards', 'frame 0', reversed),
    planted('the view shows other pages', 'frame 0', viewsOf(otherFrames)),
    planted(
      'a page number is wrong',
      'frame 5',
      mdls((mdl) => void mdl.slots().copyWithin(5, 4, 5)),
    ),
  ],
  'mdl/all-views-and-the-device-agree': [
    planted('the user view is another', 'through the user view', secondViewReversed),
    planted('user stores get lost', 'through the system view', userStoresLost),
    fault('dma-drops-last-byte', 'as the device read it'),
    fault('dma-shifts-by-one', 'as the device read it'),
    fault('dma-reads-zeros', 'as the device read it'),
  ],
  'mdl/one-system-mapping': [
    planted(
      'the first one is given again',
      'mapping again',
      instead((mdl) => va(mdl.header.get('MappedSystemVa'))),
    ),
    planted(
      'NULL',
      'mapping again',
      instead(() => null),
    ),
  ],
  'mdl/unlocked-pages-cannot-be-mapped': [
    planted(
      'NULL',
      'mapping freed pages',
      instead(() => null),
    ),
  ],
  'mdl/bugcheck-on-failure-is-refused': [
    planted(
      'TRUE is taken as FALSE',
      'TRUE, bug check',
      mappingWith(() => ({ bugCheck: false })),
    ),
  ],
  'mdl/one-caching-type-per-frame': [
    planted(
      'types are ignored',
      'while the first lives',
      mappingWith(() => ({ type: 1 })),
    ),
    planted(
      'types are ignored in user mode',
      'in user mode raises',
      mappingWith(({ mode, type }) => ({ type: mode === USER ? 1 : type })),
    ),
    planted('NULL in user mode', 'in user mode raises', nullInUserMode()),
    planted('the first type stays', 'after the first is gone', typeSticks),
  ],
  'mdl/no-write-view-refuses-stores': [
    planted(
      'the bit is ignored',
      'a store, kernel mode',
      mappingWith(() => ({ priority: 16 })),
    ),
    planted(
      'the bit is ignored in user mode',
      'a store, user mode',
      mappingWith(({ mode, priority }) => ({ priority: mode === USER ? 16 : priority })),
    ),
    planted(
      'it shows other pages',
      'what it reads, kernel mode',
      viewsOf((indices, protection) => (protection === Protection.read ? otherFrames(indices) : indices)),
    ),
    planted(
      'it cannot be had',
      'a read-only mapping',
      mapping((mm, ...args) => (noWrite(args[5]) ? null : mm.MmMapLockedPagesSpecifyCache(...args))),
    ),
  ],
  'mdl/user-mapping-raises': [
    planted(
      'it is in system space',
      'it lies in user space',
      mappingWith(() => ({ mode: 0 })),
    ),
    planted('NULL', 'an unaligned address', nullInUserMode()),
    planted(
      'rounds down',
      'an unaligned address',
      mappingWith(({ at }) => ({ at: va(at & ~4095n) })),
    ),
    planted(
      'the request is ignored',
      'below the top of user space',
      mappingWith(({ at }) => ({ at: at % 4096n === 0n ? va(0n) : at })),
    ),
    planted('every refusal is an invalid address', 'an occupied address', alwaysRaises(0xc000_0141)),
    planted('every refusal is a conflict', 'an unaligned address', alwaysRaises(0xc000_0018)),
    planted('it is elsewhere', 'the requested address', elsewhere()),
  ],
  'mdl/unmap-ends-the-view': [
    planted('the flag stays', 'is clear', unmapping(flagStays)),
    planted(
      'the view stays',
      'a load through the old address',
      unmapping((_, __, mdl) => void (mdl.MdlFlags &= ~1)),
    ),
    planted('unmapping again is accepted', 'unmapping again', unmapping(tolerant)),
  ],
  'mdl/system-address-on-demand': [
    planted('it maps each time', 'the second call', mappedEachTime()),
    planted('it shows another page', 'the frame behind it', viewsOf(otherFrames)),
    planted(
      'the mapping outlives the pages',
      'a load after',
      mm(() => ({ MmFreePagesFromMdl: () => undefined })),
    ),
  ],
}

function flagStays(mm: Mm, address: Va, mdl: Mdl): void {
  mm.MmUnmapLockedPages(address, mdl)
  mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
}

function tolerant(mm: Mm, address: Va, mdl: Mdl): void {
  if (mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)) mm.MmUnmapLockedPages(address, mdl)
}

/** A free address that was asked for is checked, and another one given. */
function elsewhere(): Plant {
  return mapping((mm, mdl, mode, type, at, ...rest) => {
    const address = mm.MmMapLockedPagesSpecifyCache(mdl, mode, type, at, ...rest)
    return at === 0n || address === null ? address : va(address + 4096n)
  })
}

function mappedEachTime(): Plant {
  return mm((mm) => ({
    MmGetSystemAddressForMdlSafe: (mdl, priority) =>
      mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)
        ? mm.MmMapLockedPagesSpecifyCache(mdl, USER, 1, va(0n), false, priority)
        : mm.MmGetSystemAddressForMdlSafe(mdl, priority),
  }))
}
