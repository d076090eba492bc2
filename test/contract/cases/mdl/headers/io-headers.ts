import { physicalAddress, va } from '../../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../../src/base/pages.ts'
import { MdlFlags } from '../../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import { mapping, mm } from '../../plants/broken-ddi.ts'
import { freeing, headers, io, swallow } from '../../plants/broken-io.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const LONGEST = 0x1_0000_0000 - PAGE_SIZE
const ZERO = physicalAddress(0n)
const TOP = physicalAddress(0xffff_ffff_ffff_ffffn)

/** IoAllocateMdl with other bounds of what it takes. */
const refusingFrom = (limit: number) =>
  io((io) => ({
    IoAllocateMdl: (address, length, ...rest) => (length >= limit ? null : io.IoAllocateMdl(address, length, ...rest)),
  }))

/** Whatever is refused for its arguments is made without them. */
const takingAny = (rule: string) =>
  io((io) => ({
    IoAllocateMdl: (address, length, secondary, quota, irp) =>
      swallowRule(
        rule,
        () => io.IoAllocateMdl(address, length, secondary, quota, irp),
        () => io.IoAllocateMdl(va(0n), 1, false, false, null),
      ),
  }))

function swallowRule<T>(rule: string, act: () => T, instead: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof Error && error.message.includes(`(${rule})`)) return instead()
    throw error
  }
}

/** Mapping an MDL of whatever flags: they are mended for the call. */
const mappingWithFlags = (mend: (mdl: Mdl) => void) =>
  mapping((mm, mdl, ...rest) => {
    const flags = mdl.MdlFlags
    mend(mdl)
    const view = mm.MmMapLockedPagesSpecifyCache(mdl, ...rest)
    mdl.MdlFlags |= flags
    return view
  })

/** Defects for the cases of MDL headers. */
export const headerDefects: Defects = {
  'mdl/header-without-pages': [
    planted(
      'the buffer begins with its page',
      'the virtual address',
      headers((mdl) => mdl.header.set('ByteOffset', 0)),
    ),
    planted(
      'StartVa is the address',
      'StartVa, offset',
      headers((mdl) => {
        mdl.header.set('StartVa', mdl.header.get('StartVa') + 0x678n)
        mdl.header.set('ByteOffset', 0)
      }),
    ),
    planted(
      'whole pages are counted',
      'ByteCount',
      headers((mdl) => mdl.header.set('ByteCount', 4 * PAGE_SIZE)),
    ),
    planted(
      'it comes with a follower',
      'Next',
      headers((mdl) => mdl.header.set('Next', mdl.address)),
    ),
    planted(
      'one page too few in Size',
      'Size at byte 8',
      headers((mdl) => mdl.header.set('Size', 48 + 24)),
    ),
    planted(
      'it says that it is locked',
      'flags beside',
      headers((mdl) => void (mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED)),
    ),
    planted(
      'it takes frames',
      'frames in use',
      headers((_, { mm }) => void mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, PAGE_SIZE, 1, 0)),
    ),
    planted(
      'the memory is kept',
      'pool blocks in use',
      freeing(() => undefined),
    ),
    planted(
      'anything is mapped',
      'mapping what is not locked',
      mapping((mm, ...args) => swallow(() => mm.MmMapLockedPagesSpecifyCache(...args), va(0x1000))),
    ),
    planted('freeing again is accepted', 'freeing it again', freeingTwice()),
  ],
  'mdl/header-size-limit': [
    planted(
      'a longer one is cut',
      `an MDL for ${LONGEST + 1} bytes`,
      io((io) => ({
        IoAllocateMdl: (address, length, ...rest) =>
          io.IoAllocateMdl(address, length > LONGEST ? PAGE_SIZE : length, ...rest),
      })),
    ),
    planted(
      'only the low 32 bits count',
      'an MDL for 4294967296 bytes',
      io((io) => ({ IoAllocateMdl: (address, length, ...rest) => io.IoAllocateMdl(address, length >>> 0, ...rest) })),
    ),
    planted('the old limit', `an MDL for ${8186 * PAGE_SIZE} bytes`, refusingFrom(8186 * PAGE_SIZE)),
    planted('the longest is refused', 'the longest MDL', refusingFrom(LONGEST)),
    planted(
      'Size saturates',
      'Size keeps its low 16 bits',
      headers((mdl) => mdl.header.set('Size', 0xffff)),
    ),
    planted(
      'ByteCount is cut to 16 bits',
      'ByteCount',
      headers((mdl) => mdl.header.set('ByteCount', mdl.header.get('ByteCount') & 0xffff)),
    ),
  ],
  'mdl/reserved-arguments': [
    planted('quota is ignored', 'ChargeQuota', takingAny('MDL-023')),
    planted(
      'a secondary buffer without an IRP becomes a primary one',
      'a secondary buffer',
      io((io) => ({
        IoAllocateMdl: (address, length, secondary, quota, irp) =>
          io.IoAllocateMdl(address, length, secondary && irp !== null, quota, irp),
      })),
    ),
    planted('wrapping is accepted', 'over the end', takingAny('MDL-006')),
    planted(
      'the last page is refused',
      'the last page',
      io((io) => ({
        IoAllocateMdl: (address, length, ...rest) =>
          address + BigInt(length) === 1n << 64n ? null : io.IoAllocateMdl(address, length, ...rest),
      })),
    ),
  ],
  'mdl/free-while-mapped': [
    planted(
      'the pages are freed all the same',
      'MmFreePagesFromMdl, bug check',
      mm((mm) => ({ MmFreePagesFromMdl: (mdl) => swallow(() => mm.MmFreePagesFromMdl(mdl), undefined) })),
    ),
    planted(
      'the view is ended before',
      'MmFreePagesFromMdl, bug check',
      mm((mm) => {
        let user = va(0n)
        return {
          MmMapLockedPagesSpecifyCache: (...args) => (user = mm.MmMapLockedPagesSpecifyCache(...args) ?? user),
          MmFreePagesFromMdl: (mdl) => {
            mm.MmUnmapLockedPages(user, mdl)
            mm.MmFreePagesFromMdl(mdl)
          },
        }
      }),
    ),
    planted(
      'a mapped header is freed',
      'IoFreeMdl, bug check',
      freeing((io, mdl) => swallow(() => io.IoFreeMdl(mdl), undefined)),
    ),
    planted(
      'parts are not looked at',
      'a part is mapped, bug check',
      mm((mm) => {
        let calls = 0
        return {
          MmFreePagesFromMdl: (mdl) =>
            calls++ === 1 ? swallow(() => mm.MmFreePagesFromMdl(mdl), undefined) : mm.MmFreePagesFromMdl(mdl),
        }
      }),
    ),
  ],
  'mdl/locked-mdl-is-not-freed': [
    planted(
      'it is freed all the same',
      'while it is locked',
      freeing((io, mdl) => swallow(() => io.IoFreeMdl(mdl), undefined)),
    ),
    planted(
      'it is unlocked by the way',
      'while it is locked',
      freeing((io, mdl, { mm }) => {
        if (mdl.has(MdlFlags.MDL_PAGES_LOCKED)) mm.MmUnlockPages(mdl)
        io.IoFreeMdl(mdl)
      }),
    ),
    planted(
      'the memory goes although it is refused',
      'pool blocks in use: expected',
      io((io, { mm }) => ({
        IoFreeMdl(mdl) {
          const spare = mm.MmAllocatePagesForMdl(ZERO, TOP, ZERO, PAGE_SIZE)
          if (spare !== null) mm.MmFreePagesFromMdl(spare)
          io.IoFreeMdl(mdl)
        },
      })),
    ),
    planted(
      'its memory is kept',
      'after it is unlocked',
      freeing((io, mdl) => (mdl.has(MdlFlags.MDL_PAGES_LOCKED) ? io.IoFreeMdl(mdl) : undefined)),
    ),
  ],
  'mdl/flags-tell-what-may-be-mapped': [
    planted(
      'PAGES_LOCKED is not needed',
      'without PAGES_LOCKED',
      mappingWithFlags((mdl) => void (mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED)),
    ),
    planted(
      'MAPPED_TO_SYSTEM_VA is no matter',
      'with MAPPED_TO_SYSTEM_VA',
      mappingWithFlags((mdl) => void (mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)),
    ),
  ],
}

function freeingTwice() {
  const freed = new Set<Mdl>()
  return freeing((io, mdl) => {
    if (!freed.has(mdl)) io.IoFreeMdl(mdl)
    freed.add(mdl)
  })
}
