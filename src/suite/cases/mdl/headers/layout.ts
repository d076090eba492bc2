import { va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MM_ALLOCATE } from '../../../../ddi/constants.ts'
import { Mdl, MmGetMdlPfnArray } from '../../../../ddi/mm/mdl.ts'
import { Protection } from '../../../../native/surface.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import { KernelMode, UserMode, allocate, mapSystem, release } from '../../parts/buffers.ts'
import {
  IoReadAccess,
  IoWriteAccess,
  freePool,
  mdlOver,
  plus,
  poolBlock,
  unlockAndFree,
  userMemory,
} from '../../parts/driver-memory.ts'
import { homeBytes, mdlBytes } from '../../parts/home-bytes.ts'

/** Address in its page, bytes, pages touched. */
const SPANS = [
  [0, 0, 0],
  [1, 0, 1],
  [4095, 0, 1],
  [0, 1, 1],
  [4095, 1, 1],
  [4095, 2, 2],
  [0, 4096, 1],
  [1, 4096, 2],
  [0, 4097, 2],
  [0, 0xffff_ffff, 0x10_0000],
  [4095, 0xffff_f000, 0x10_0000],
] as const

/** Pages that lie behind more addresses than there are pages. */
const BLOCK = 512

/** Of memory that MmInitializeMdl does not touch. */
const UNTOUCHED = 0xa5

/** MdlFlags at byte 10. */
const flagsOf = (context: Context, mdl: Mdl): number => homeBytes(context, mdl.address, 48).getUint16(10, true)

export const layoutCases: readonly Case[] = [
  {
    id: 'mdl/span-of-a-range',
    title: 'the span macro counts the pages that a range touches, by the low 12 bits of its start alone',
    rules: ['MDL-005', 'MDL-007'],
    run: ({ check, ddi }) => {
      for (const [start, bytes, pages] of SPANS) {
        for (const base of [0n, 0x7fff_fff0_0000n, 0xffff_8000_0000_0000n]) {
          const at = va(base + BigInt(start))
          const what = `of ${bytes} bytes at ${start} in a page`
          check.equal(ddi.mm.ADDRESS_AND_SIZE_TO_SPAN_PAGES(at, bytes), pages, `span ${what}`)
          check.equal(ddi.mm.MmSizeOfMdl(at, bytes), mdlBytes(pages), `bytes of an MDL ${what}`)
        }
      }
    },
  },
  {
    id: 'mdl/span-does-not-wrap',
    title: 'a length for which the span macro would overflow is refused, and makes no MDL',
    rules: ['MDL-006'],
    run: ({ check, ddi }) => {
      check.equal(ddi.mm.ADDRESS_AND_SIZE_TO_SPAN_PAGES(va(0), 2 ** 52), 2 ** 40, 'the span of 2^52 bytes')
      for (const bytes of [2 ** 53 - 1, 2 ** 64 - 1, 2 ** 64]) {
        for (const start of [1n, 4095n]) {
          const what = `${bytes} bytes from ${start}`
          check.refused('range-outside', what, () => ddi.mm.ADDRESS_AND_SIZE_TO_SPAN_PAGES(va(start), bytes))
          check.refused('range-outside', `an MDL for ${what}`, () => ddi.mm.MmSizeOfMdl(va(start), bytes))
        }
      }
    },
  },
  {
    id: 'mdl/initialised-header',
    title: 'MmInitializeMdl sets Next, Size, MdlFlags, StartVa, ByteOffset and ByteCount, and nothing else',
    rules: ['MDL-001', 'MDL-003', 'MDL-008'],
    run: (context) => {
      const { check, ddi, frames, kernel } = context
      const size = mdlBytes(3)
      const block = check.present(kernel.pool.allocate(size), 'memory for an MDL')
      frames.write(Number(block.address - frames.address), new Uint8Array(size).fill(UNTOUCHED))
      const mdl = new Mdl(block)
      ddi.mm.MmInitializeMdl(mdl, va(0x1234_5678_9abcn), 2 * PAGE_SIZE)
      const bytes = homeBytes(context, mdl.address, size)
      check.equal(bytes.getBigUint64(0, true), 0n, 'Next at byte 0')
      check.equal(bytes.getUint16(8, true), size, 'Size at byte 8')
      check.equal(bytes.getUint16(10, true), 0, 'MdlFlags at byte 10')
      check.equal(bytes.getBigUint64(32, true), 0x1234_5678_9000n, 'StartVa at byte 32')
      check.equal(bytes.getUint32(40, true), 2 * PAGE_SIZE, 'ByteCount at byte 40')
      check.equal(bytes.getUint32(44, true), 0xabc, 'ByteOffset at byte 44')
      const all = new Uint8Array(bytes.buffer, bytes.byteOffset, size)
      check.filled(all.subarray(16, 32), UNTOUCHED, 'Process and MappedSystemVa')
      check.filled(all.subarray(48), UNTOUCHED, 'the page numbers')
      ddi.mm.ExFreePool(mdl)
    },
  },
  {
    id: 'mdl/size-keeps-16-bits',
    title: 'Size holds the low 16 bits of the true size, and nothing takes the number of pages from it',
    rules: ['MDL-004', 'MDL-009'],
    run: (context) => {
      const { check, ddi, frames, kernel } = context
      const block = allocate(context, BLOCK * PAGE_SIZE, { flags: MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS })
      const [first = 0n] = MmGetMdlPfnArray(block)
      const start = check.present(frames.indexOf(Number(first)), 'the first frame')
      const indices = Uint32Array.from({ length: 16 * BLOCK }, (_, page) => start + (page % BLOCK))
      const { address } = kernel.memory.mapFrames({ memory: frames, indices }, Protection.readWrite, 'system')
      for (const [pages, stored] of [
        [8185, 65_528],
        [8186, 0],
        [8190, 32],
      ] as const) {
        const mdl = mdlOver(context, address, pages * PAGE_SIZE)
        check.equal(homeBytes(context, mdl.address, 48).getUint16(8, true), stored, `Size for ${pages} pages`)
        ddi.mm.MmProbeAndLockPages(mdl, KernelMode, IoReadAccess)
        const bytes = homeBytes(context, mdl.address, mdlBytes(pages))
        const last = first + BigInt((pages - 1) % BLOCK)
        check.equal(bytes.getBigUint64(48 + 8 * (pages - 1), true), last, `the last of ${pages} page numbers`)
        unlockAndFree(context, mdl)
      }
      kernel.memory.unmap(address)
      release(context, block)
    },
  },
  {
    id: 'mdl/flag-bits',
    title: 'the flags at byte 10 have the values of the real header: mapped 1, locked 2, nonpaged 4, write 0x80',
    rules: ['MDL-010'],
    run: (context) => {
      const { check, ddi } = context
      const user = userMemory(context, PAGE_SIZE)
      const mdl = mdlOver(context, plus(user, 8), 100)
      check.equal(flagsOf(context, mdl), 0, 'flags once it is initialised')
      ddi.mm.MmProbeAndLockPages(mdl, UserMode, IoReadAccess)
      check.equal(flagsOf(context, mdl), 0x0002, 'flags, locked for reading')
      mapSystem(context, mdl)
      check.equal(flagsOf(context, mdl), 0x0003, 'flags, locked and mapped')
      ddi.mm.MmUnlockPages(mdl)
      check.equal(flagsOf(context, mdl), 0, 'flags, unlocked')
      ddi.mm.MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess)
      check.equal(flagsOf(context, mdl), 0x0082, 'flags, locked for writing')
      unlockAndFree(context, mdl)
      const block = poolBlock(context, 64)
      const built = mdlOver(context, block, 64)
      ddi.mm.MmBuildMdlForNonPagedPool(built)
      check.equal(flagsOf(context, built), 0x0004, 'flags, built over nonpaged pool')
      ddi.mm.ExFreePool(built)
      freePool(context, block)
      const pages = allocate(context, PAGE_SIZE)
      check.equal(flagsOf(context, pages), 0x0002, 'flags of a page allocation')
      release(context, pages)
    },
  },
]
