import { va } from '../../../../../src/base/address.ts'
import { BugCheck } from '../../../../../src/base/errors.ts'
import { Protection } from '../../../../../src/native/surface.ts'
import { MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../../../../src/ddi/mm/mdl.ts'
import { mapping, mm } from '../../plants/broken-ddi.ts'
import { accepting, built, framesIn, locking, unlocking } from '../../plants/broken-locking.ts'
import { laterViewsOf } from '../../plants/broken-platform.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const USER = 1

/** What is refused is accepted, for user memory only or for all. */
const buildingOver = (userToo: boolean) =>
  mm((mm, kernel) => ({
    MmBuildMdlForNonPagedPool(mdl) {
      const user = MmGetMdlVirtualAddress(mdl) < kernel.memory.userProbeAddress
      if (user || userToo) accepting(() => mm.MmBuildMdlForNonPagedPool(mdl), undefined)
      else mm.MmBuildMdlForNonPagedPool(mdl)
    },
  }))

/** Defects for the cases of nonpaged memory. */
export const nonpagedDefects: Defects = {
  'mdl/nonpaged-build-fills-the-array': [
    planted(
      'a page is missing in the array',
      'the pages in the array',
      built((mdl) => void (mdl.slots()[0] = mdl.slots().at(-1) ?? 0n)),
    ),
    planted(
      'the length is rounded',
      'page numbers',
      built((mdl) => mdl.header.set('ByteCount', 4096)),
    ),
    planted(
      'the pages are locked',
      'flags of a lock or a mapping',
      built((mdl) => void (mdl.MdlFlags |= 2)),
    ),
    planted(
      'nothing tells that the pages are nonpaged',
      'the flag of nonpaged memory',
      built((mdl) => void (mdl.MdlFlags &= ~4)),
    ),
    planted(
      'the process is left',
      'the process',
      built((mdl) => mdl.header.set('Process', 8n)),
    ),
    planted(
      'the pages are mapped',
      'views',
      built((mdl, _, kernel) => {
        const indices = framesIn(kernel, mdl)
        kernel.memory.mapFrames({ memory: kernel.frames, indices }, Protection.readWrite, 'system')
      }),
    ),
    planted(
      'the address is that of the page',
      'the system address',
      built((mdl, mm) => {
        mdl.header.set('MappedSystemVa', mdl.header.get('StartVa') + 8n)
        mm.accept(mdl)
      }),
    ),
    planted(
      'the block goes with the MDL',
      'the block after the MDL is gone',
      mm((mm, kernel) => ({
        ExFreePool(block) {
          if (typeof block !== 'bigint') kernel.memory.fill(MmGetMdlVirtualAddress(block), MmGetMdlByteCount(block), 0)
          mm.ExFreePool(block)
        },
      })),
    ),
  ],
  'mdl/nonpaged-build-forbids-the-rest': [
    planted(
      'it can be locked',
      'locking it, bug check',
      locking(() => undefined),
    ),
    planted(
      'it can be locked for a process',
      'locking it for a process',
      mm(() => ({ MmProbeAndLockProcessPages: () => undefined })),
    ),
    planted(
      'it can be unlocked',
      'unlocking it',
      unlocking(() => undefined),
    ),
    planted(
      'the code is that of an MDL that was not locked',
      'unlocking it',
      unlocking(() => {
        throw new BugCheck(0xc4, [0x7cn, 0n, 0n, 0n], 'never locked')
      }),
    ),
    planted(
      'it can be mapped for the system',
      'mapping it for the system',
      mapping((mm, ...args) => (args[1] === USER ? mm.MmMapLockedPagesSpecifyCache(...args) : va(0x1000))),
    ),
    planted(
      'it can be unmapped',
      'unmapping its address',
      mm((mm) => ({
        MmUnmapLockedPages: (at, mdl) => accepting(() => mm.MmUnmapLockedPages(at, mdl), undefined),
      })),
    ),
    planted(
      'it cannot be mapped for users',
      'a user mapping',
      mapping((mm, ...args) => (args[1] === USER ? null : mm.MmMapLockedPagesSpecifyCache(...args))),
    ),
    planted(
      'the user sees the pages backwards',
      'what the user mapping shows',
      laterViewsOf((indices) => indices.toReversed()),
    ),
    planted(
      'unmapping clears the block',
      'the block itself',
      mm((mm, kernel) => ({
        MmUnmapLockedPages(at, mdl) {
          mm.MmUnmapLockedPages(at, mdl)
          kernel.memory.fill(MmGetMdlVirtualAddress(mdl), 1, 0)
        },
      })),
    ),
  ],
  'mdl/nonpaged-build-over-pageable-memory': [
    planted('any memory will do', 'building over paged pool', buildingOver(true)),
    planted('user memory will do', 'building over user memory', buildingOver(false)),
    planted(
      'the flag is set all the same',
      'flags after building over paged pool',
      mm((mm) => ({
        MmBuildMdlForNonPagedPool(mdl) {
          mdl.MdlFlags |= 8
          mm.MmBuildMdlForNonPagedPool(mdl)
        },
      })),
    ),
    planted(
      'the pages stay where they are',
      'pages that may move',
      mm((mm, kernel) => ({
        MmBuildMdlForNonPagedPool(mdl) {
          kernel.locks.lock(kernel.translate(MmGetMdlVirtualAddress(mdl), 1).frames)
          mm.MmBuildMdlForNonPagedPool(mdl)
        },
      })),
    ),
  ],
  'mdl/registers-are-not-locked': [
    planted(
      'they are locked',
      'locking registers',
      locking(() => undefined),
    ),
    planted(
      'it is taken for memory that is not there',
      'locking registers',
      locking(({ mm, mdl, operation }) => mm.MmProbeAndLockPages(mdl, USER, operation)),
    ),
    planted(
      'the address is another',
      'the virtual address',
      mm((mm) => ({ MmInitializeMdl: (mdl, base, length) => mm.MmInitializeMdl(mdl, va(base + 4n), length) })),
    ),
  ],
}
