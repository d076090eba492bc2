import { va } from '../../../../../src/base/address.ts'
import { NtStatusError } from '../../../../../src/base/errors.ts'
import { CallerError } from '../../../../../src/ddi/kernel/ledger.ts'
import type { Kernel } from '../../../../../src/ddi/kernel/kernel.ts'
import type { Mm } from '../../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { mapped, mapping, mm } from '../../plants/broken-ddi.ts'
import { parts } from '../../plants/broken-io.ts'
import { accepting, atAnyLevel, locking, unlocking } from '../../plants/broken-locking.ts'
import { frames, laterViewsOf, native, viewsOf } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const SYSTEM = 0
const USER = 1

/** What MmMapLockedPagesSpecifyCache refuses in this mode gives NULL. */
const givesNull = (mode: number): Plant =>
  mapping((mm, ...args) => {
    const map = () => mm.MmMapLockedPagesSpecifyCache(...args)
    return args[1] === mode ? accepting(map, null) : map()
  })

/** The refusal of MDL-089 with this number, counted from 0, is none. */
const accepts = (number: number): Plant =>
  mm((mm) => {
    let refused = 0
    return {
      MmMapLockedPagesSpecifyCache(...args) {
        try {
          return mm.MmMapLockedPagesSpecifyCache(...args)
        } catch (error) {
          if (error instanceof CallerError && refused++ === number) return null
          throw error
        }
      },
    }
  })

const unmapping = (unmap: (mm: Mm, ...args: Parameters<Mm['MmUnmapLockedPages']>) => void): Plant =>
  mm((mm) => ({ MmUnmapLockedPages: (...args) => unmap(mm, ...args) }))

/** Pages of views keep their protection, whichever process is current. */
const neverHidden = native((memory) => ({
  protect: (area, protection) => (protection === 0 ? undefined : memory.protect(area, protection)),
}))

/** Views belong to nobody, but for the first ones. */
const ownedByNobody = (after: number): Plant =>
  mm((mm, kernel) => {
    let made = 0
    return {
      MmMapLockedPagesSpecifyCache(...args) {
        const view = mm.MmMapLockedPagesSpecifyCache(...args)
        if (made++ >= after && view !== null) kernel.processes.disown(view)
        return view
      },
    }
  })

const otherFrames = (indices: Uint32Array): Uint32Array => indices.map((index) => index + 1)

/** One routine runs at any level. */
const atLevels = (alter: (mm: Mm, kernel: Kernel) => Partial<Mm>): Plant => mm(alter)

const mapsAtLevels = (mode: number): Plant =>
  atLevels((mm, kernel) => ({
    MmMapLockedPagesSpecifyCache(...args) {
      const map = () => mm.MmMapLockedPagesSpecifyCache(...args)
      return args[1] === mode ? atAnyLevel(kernel, map) : map()
    },
  }))

const unmapsAtLevels = (user: boolean): Plant =>
  atLevels((mm, kernel) => ({
    MmUnmapLockedPages(at, mdl) {
      const unmap = () => mm.MmUnmapLockedPages(at, mdl)
      if (at < kernel.memory.userProbeAddress === user) atAnyLevel(kernel, unmap)
      else unmap()
    },
  }))

/** Defects for the cases of users' views. */
export const userDefects: Defects = {
  'mdl/only-locked-pages-are-mapped': [
    planted('NULL', 'mapping unlocked pages, mode 0', givesNull(SYSTEM)),
    planted('NULL in user mode', 'mapping unlocked pages, mode 1', givesNull(USER)),
    planted('it shows other pages', 'what the system mapping shows', laterViewsOf(otherFrames)),
  ],
  'mdl/user-view-is-the-process-own': [
    planted(
      'it is in system space',
      'it lies in user space',
      mapping((mm, mdl, _, ...rest) => mm.MmMapLockedPagesSpecifyCache(mdl, SYSTEM, ...rest)),
    ),
    planted(
      'it is noted in the MDL',
      'MdlFlags',
      mapped((mdl) => void (mdl.MdlFlags |= 1)),
    ),
    planted('every process reaches it', 'a load in another process', neverHidden),
    planted(
      'every process can remove it',
      'unmapping in another process',
      unmapping((mm, ...args) => accepting(() => mm.MmUnmapLockedPages(...args), undefined)),
    ),
    planted('it shows other pages', 'the second page', viewsOf(otherFrames)),
    planted(
      'it stays',
      'a load after unmapping',
      mm((mm, kernel) => ({
        MmUnmapLockedPages: (at, mdl) =>
          kernel.processes.ownerOf(at) === kernel.processes.current ? undefined : mm.MmUnmapLockedPages(at, mdl),
      })),
    ),
    planted('it outlives its process', 'views after the process ended', ownedByNobody(1)),
  ],
  'mdl/user-mapping-never-gives-null': [
    planted('NULL', 'a mapping without resources', givesNull(USER)),
    planted(
      'it raises another status',
      'a mapping without resources',
      mapping((mm, ...args) => {
        try {
          return mm.MmMapLockedPagesSpecifyCache(...args)
        } catch (error) {
          throw error instanceof NtStatusError ? new NtStatusError(0xc000_0017, error.message) : error
        }
      }),
    ),
    planted(
      'it is writable',
      'a store by the user',
      mapping((mm, mdl, mode, type, at, fails) => mm.MmMapLockedPagesSpecifyCache(mdl, mode, type, at, fails, 16)),
    ),
  ],
  'mdl/users-see-no-foreign-data': [
    planted('parts of pages are mapped', 'a part of a page, refused', accepts(0)),
    planted('the last page is mapped whole', 'a page and a part of one', accepts(1)),
    planted('whatever is in a page is mapped', 'pages with what was in them', accepts(2)),
    planted('one byte that was overwritten is enough', 'but for the end', accepts(3)),
    planted('it shows other pages', 'pages overwritten', laterViewsOf(otherFrames, 3)),
  ],
  'mdl/device-and-user-see-zeros-around-the-data': [
    planted('uninitialised blocks are mapped', 'an uninitialised block', accepts(0)),
    planted(
      'pool is not zeroed',
      'neither zeroed nor overwritten',
      mm((mm) => ({ ExAllocatePool2: (flags, bytes, tag) => mm.ExAllocatePool2(flags | 2, bytes, tag) })),
    ),
    planted(
      'pool is zeroed by name only',
      'what the user sees',
      frames(() => ({ zero: () => undefined })),
    ),
    fault('dma-reads-zeros', 'what the device reads'),
    fault('dma-wrong-page', 'what the device reads'),
  ],
  'mdl/address-of-a-part-is-the-users': [
    planted(
      'the address is that of the system',
      'the virtual address of the part',
      parts((part) => part.header.set('StartVa', 0xffff_8000_0000_0000n)),
    ),
    planted(
      'the address is that of the page',
      'the virtual address of the part',
      parts((part) => part.header.set('ByteOffset', 0)),
    ),
    planted('every process reaches it', 'a load there in another process', neverHidden),
    planted(
      'it cannot be mapped elsewhere',
      'the system address of the part',
      mm(() => ({ MmGetSystemAddressForMdlSafe: () => null })),
    ),
    planted('it shows other pages', 'through the system address', laterViewsOf(otherFrames)),
    planted(
      'mapping it moves the bytes',
      'at the address, in its process',
      mm((mm, kernel) => ({
        MmGetSystemAddressForMdlSafe(mdl, priority) {
          const frame = kernel.frames.indexOf(Number(mdl.slots()[0])) ?? 0
          const view = mm.MmGetSystemAddressForMdlSafe(mdl, priority)
          const indices = kernel.frames.allocate({ count: 1 })
          kernel.frames.write((indices[0] ?? 0) * 4096, kernel.frames.read(frame * 4096, 4096))
          if (view !== null) kernel.memory.remap(va(view - (view % 4096n)), { memory: kernel.frames, indices })
          kernel.frames.write(frame * 4096, new Uint8Array(4096))
          return view
        },
      })),
    ),
  ],
  'mdl/process-keeps-its-locked-pages': [
    planted(
      'nobody counts the pages of a process',
      'ending the process',
      mm((mm, kernel) => ({
        MmProbeAndLockPages(mdl, mode, operation) {
          mm.MmProbeAndLockPages(mdl, mode, operation)
          kernel.processes.countLocked(kernel.processes.current, -1)
        },
      })),
    ),
    planted(
      'the pages stay counted',
      'pages are locked',
      unlocking((mm, mdl, kernel) => {
        const owner = kernel.processes.all.find(({ address }) => address === mdl.header.get('Process'))
        mm.MmUnlockPages(mdl)
        if (owner !== undefined) kernel.processes.countLocked(owner, 1)
      }),
    ),
  ],
  'mdl/levels-of-locking-and-mapping': [
    planted(
      'pageable memory is locked at any level',
      'locking pageable memory at 2',
      locking(({ mm, kernel, mdl, mode, operation }) =>
        atAnyLevel(kernel, () => mm.MmProbeAndLockPages(mdl, mode, operation)),
      ),
    ),
    planted(
      'nothing is locked at APC_LEVEL',
      'allowed is 0',
      locking(({ mm, kernel, mdl, mode, operation }) => {
        if (kernel.KeGetCurrentIrql() === 1) kernel.requireIrql('MmProbeAndLockPages', 'MDL-058', 0)
        mm.MmProbeAndLockPages(mdl, mode, operation)
      }),
    ),
    planted('the system maps at any level', 'mapping for the system', mapsAtLevels(SYSTEM)),
    planted('users map at any level', 'mapping for a user', mapsAtLevels(USER)),
    planted('the system unmaps at any level', 'unmapping for the system', unmapsAtLevels(false)),
    planted('users unmap at any level', 'unmapping for a user', unmapsAtLevels(true)),
    planted(
      'any level unlocks',
      'unlocking at 3',
      unlocking((mm, mdl, kernel) => atAnyLevel(kernel, () => mm.MmUnlockPages(mdl))),
    ),
    planted(
      'any level allocates',
      'allocating pages',
      mm((mm, kernel) => ({
        MmAllocatePagesForMdlEx: (...args) => atAnyLevel(kernel, () => mm.MmAllocatePagesForMdlEx(...args)),
      })),
    ),
    planted(
      'any level frees',
      'freeing pages',
      mm((mm, kernel) => ({ MmFreePagesFromMdl: (mdl) => atAnyLevel(kernel, () => mm.MmFreePagesFromMdl(mdl)) })),
    ),
    planted(
      'the pages are freed although it is refused',
      'the pages are there still',
      mm((mm, kernel) => ({
        MmFreePagesFromMdl(mdl) {
          if (kernel.KeGetCurrentIrql() > 2) atAnyLevel(kernel, () => mm.MmFreePagesFromMdl(mdl))
          mm.MmFreePagesFromMdl(mdl)
        },
      })),
    ),
  ],
}
