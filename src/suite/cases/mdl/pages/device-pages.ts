import { physicalAddress } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MM_ALLOCATE } from '../../../../ddi/constants.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import { allocate, mustGetList, openAdapter, putList, release } from '../../parts/buffers.ts'
import { frameBytes, walkList } from '../../parts/home-bytes.ts'
import { windowOf } from '../../parts/windows.ts'

const PAGE = BigInt(PAGE_SIZE)
const PAGES = 3

export const devicePageCases: readonly Case[] = [
  {
    id: 'mdl/device-writes-the-pages-of-a-sliding-window',
    title: 'what the device writes arrives in the pages of a window that slides, and those are where the window was',
    rules: ['MDL-110', 'MDL-126'],
    needs: ['engine'],
    run: async (context) => {
      const { low } = windowOf(context, 9)
      const high = physicalAddress(low + PAGE - 1n)
      const mdl = allocate(context, PAGES * PAGE_SIZE, { low, high, skip: physicalAddress(4n * PAGE) })
      await checkDeviceWrites(
        context,
        mdl,
        [0n, 4n, 8n].map((page) => low / PAGE + page),
      )
      release(context, mdl)
    },
  },
  {
    id: 'mdl/device-writes-a-contiguous-block',
    title: 'what the device writes arrives in the pages of one block, which follow one another',
    rules: ['MDL-118', 'MDL-126'],
    needs: ['engine'],
    run: async (context) => {
      const flags = MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS
      const mdl = allocate(context, PAGES * PAGE_SIZE, { flags })
      const [first = 0n] = MmGetMdlPfnArray(mdl)
      await checkDeviceWrites(context, mdl, [first, first + 1n, first + 2n])
      release(context, mdl)
    },
  },
]

/** The page numbers, and what the frames of these numbers hold once the device has written to them. */
async function checkDeviceWrites(context: Context, mdl: Mdl, pages: readonly bigint[]): Promise<void> {
  const { check, engine, signal } = context
  check.equal(MmGetMdlPfnArray(mdl).join(), pages.join(), 'page numbers')
  const adapter = openAdapter(context)
  const pattern = orderPattern(PAGES * PAGE_SIZE, 3)
  const list = mustGetList(context, adapter, mdl, { length: pattern.length, writeToDevice: false })
  await engine.write(walkList(context, list), pattern, { signal })
  putList(context, adapter, list, false)
  pages.forEach((pfn, i) => {
    const expected = pattern.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE)
    check.bytes(frameBytes(context, pfn), expected, `the frame of page ${i}`)
  })
}
