import { physicalAddress } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MM_ALLOCATE } from '../../../../ddi/constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import { MmCached, ZERO, allocate, mapSystem, mustGetList, openAdapter, putList, release } from '../../parts/buffers.ts'
import { walkList } from '../../parts/home-bytes.ts'

const PAGE = BigInt(PAGE_SIZE)
const { MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS: CHUNKS, MM_ALLOCATE_FULLY_REQUIRED } = MM_ALLOCATE
/** Pages of a chunk. */
const PAGES = 4
const CHUNK = PAGES * PAGE_SIZE
const SKIP = physicalAddress(CHUNK)

export const chunkCases: readonly Case[] = [
  {
    id: 'mdl/chunks-are-whole-and-aligned',
    title:
      'with chunks of SkipBytes every chunk is adjacent pages and aligned to its size, and the device reads them so',
    rules: ['MDL-119'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const mdl = allocate(context, 3 * CHUNK, { skip: SKIP, flags: CHUNKS })
      check.equal(MmGetMdlByteCount(mdl), 3 * CHUNK, 'ByteCount')
      checkChunks(context, mdl)
      const bytes = orderPattern(3 * CHUNK, 5)
      kernel.memory.write(mapSystem(context, mdl), bytes)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: 3 * CHUNK, writeToDevice: true })
      check.bytes(await engine.read(walkList(context, list), { signal }), bytes, 'as the device read them')
      putList(context, adapter, list, true)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/chunks-are-never-cut',
    title: 'a window with room for two chunks and a part gives two of three, or NULL where all are required',
    rules: ['MDL-119', 'MDL-112', 'MDL-117'],
    run: (context) => {
      const { check, ddi } = context
      const whole = allocate(context, 4 * CHUNK, { flags: CHUNKS })
      const first = ((MmGetMdlPfnArray(whole)[0] ?? 0n) + BigInt(PAGES - 1)) & ~BigInt(PAGES - 1)
      release(context, whole)
      const low = physicalAddress(first * PAGE)
      const high = physicalAddress((first + BigInt(3 * PAGES - 1)) * PAGE - 1n)
      // The window slides as well: what it would find further up is taken away.
      const above = allocate(context, 0x1000_0000, { low: physicalAddress(high + 1n) })
      const mdl = allocate(context, 3 * CHUNK, { low, high, skip: SKIP, flags: CHUNKS })
      check.equal(MmGetMdlByteCount(mdl), 2 * CHUNK, 'ByteCount')
      checkChunks(context, mdl)
      release(context, mdl)
      const flags = CHUNKS | MM_ALLOCATE_FULLY_REQUIRED
      const none = ddi.mm.MmAllocatePagesForMdlEx(low, high, SKIP, 3 * CHUNK, MmCached, flags)
      check.absent(none, 'three chunks, all required')
      release(context, above)
    },
  },
  {
    id: 'mdl/chunks-of-odd-sizes-give-null',
    title: 'chunks of no power of two, and a length that is not whole chunks, give NULL',
    rules: ['MDL-119'],
    run: (context) => {
      const { check, ddi } = context
      const tryChunks = (skip: number, bytes: number): Mdl | null =>
        ddi.mm.MmAllocatePagesForMdlEx(ZERO, physicalAddress(TOP), physicalAddress(skip), bytes, MmCached, CHUNKS)
      check.absent(tryChunks(3 * PAGE_SIZE, 3 * PAGE_SIZE), 'chunks of three pages')
      check.absent(tryChunks(CHUNK, CHUNK + PAGE_SIZE), 'a chunk and a page')
      const page = check.present(tryChunks(PAGE_SIZE, PAGE_SIZE), 'a chunk of one page')
      release(context, page)
    },
  },
]

const TOP = 0xffff_ffff_ffff_ffffn

function checkChunks({ check }: Context, mdl: Mdl): void {
  const numbers = MmGetMdlPfnArray(mdl)
  check.equal(new Set(numbers).size, numbers.length, 'different pages')
  for (let at = 0; at < numbers.length; at += PAGES) {
    const first = numbers[at] ?? 1n
    check.equal(first % BigInt(PAGES), 0n, `chunk ${at / PAGES}, offset from its alignment in pages`)
    for (let page = 1; page < PAGES; page++) {
      check.equal(numbers[at + page], first + BigInt(page), `chunk ${at / PAGES}, page ${page}`)
    }
  }
}
