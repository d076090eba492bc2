import { physicalAddress } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import { ANYWHERE, MmCached, MmWriteCombined, ZERO, mustGetList, openAdapter, putList } from '../parts/buffers.ts'
import { frameBytes, walkList } from '../parts/home-bytes.ts'

const PAGE = BigInt(PAGE_SIZE)
const FOUR_GIB = 0x1_0000_0000n

export const bufferCases: readonly Case[] = [
  {
    id: 'wavert/allocation-below-the-limit',
    title: 'AllocatePagesForMdl rounds up to pages, all of them at or below HighAddress',
    rules: ['WRT-010', 'WRT-018'],
    run: ({ check, ddi }) => {
      const high = physicalAddress(FOUR_GIB - 1n)
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(high, 10 * PAGE_SIZE - 1), 'pages')
      check.equal(MmGetMdlByteCount(mdl), 10 * PAGE_SIZE, 'ByteCount')
      const count = ddi.portcls.GetPhysicalPagesCount(mdl)
      check.equal(count, 10, 'GetPhysicalPagesCount')
      for (let i = 0; i < count; i++) {
        check.ok(ddi.portcls.GetPhysicalPageAddress(mdl, i) + PAGE - 1n <= high, `page ${i} lies below the limit`)
      }
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/contiguous-all-or-nothing',
    title: 'AllocateContiguousPagesForMdl gives adjacent pages inside the bounds, or NULL',
    rules: ['WRT-011'],
    run: ({ check, ddi }) => {
      const whole = 16 * PAGE_SIZE - 1
      const mdl = check.present(ddi.portcls.AllocateContiguousPagesForMdl(ZERO, ANYWHERE, whole), 'pages')
      check.equal(ddi.portcls.GetPhysicalPagesCount(mdl), 16, 'pages, rounded up')
      const first = ddi.portcls.GetPhysicalPageAddress(mdl, 0)
      for (let i = 0; i < 16; i++) {
        check.equal(ddi.portcls.GetPhysicalPageAddress(mdl, i), first + BigInt(i) * PAGE, `address of page ${i}`)
      }
      ddi.portcls.FreePagesFromMdl(mdl)
      const low = physicalAddress(first + 8n * PAGE)
      const high = physicalAddress(first + 16n * PAGE - 1n)
      const half = check.present(ddi.portcls.AllocateContiguousPagesForMdl(low, high, 8 * PAGE_SIZE), 'all that fit')
      check.equal(ddi.portcls.GetPhysicalPageAddress(half, 0), low, 'the only place inside the bounds')
      ddi.portcls.FreePagesFromMdl(half)
      check.absent(ddi.portcls.AllocateContiguousPagesForMdl(low, high, 9 * PAGE_SIZE), 'one page more than fits')
    },
  },
  {
    id: 'wavert/mapping-follows-the-pages',
    title: 'byte k of the port’s view is byte k mod 4096 of page k >> 12, in GetPhysicalPageAddress order',
    rules: ['WRT-015', 'WRT-016'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(ANYWHERE, 5 * PAGE_SIZE), 'pages')
      const view = check.present(ddi.portcls.MapAllocatedPages(mdl, MmWriteCombined), 'the port’s view')
      check.equal(view % PAGE, 0n, 'offset within the page')
      const pattern = orderPattern(5 * PAGE_SIZE, 21)
      kernel.memory.write(view, pattern)
      for (let i = 0; i < 5; i++) {
        const expected = pattern.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE)
        check.bytes(frameBytes(context, ddi.portcls.GetPhysicalPageAddress(mdl, i) / PAGE), expected, `page ${i}`)
      }
      ddi.portcls.UnmapAllocatedPages(view, mdl)
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/device-plays-what-was-written',
    title: 'the device reads from the buffer what was written through MapAllocatedPages',
    rules: ['WRT-015', 'WRT-020', 'MDL-090'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(ANYWHERE, 3 * PAGE_SIZE), 'pages')
      const view = check.present(ddi.portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      const samples = orderPattern(3 * PAGE_SIZE, 22)
      kernel.memory.write(view, samples)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: 3 * PAGE_SIZE, writeToDevice: true })
      const start = PAGE_SIZE - 500
      const received = await engine.read(walkList(context, list).slice(start, PAGE_SIZE + 1000), { signal })
      check.bytes(received, samples.subarray(start, start + PAGE_SIZE + 1000), 'what the device received')
      putList(context, adapter, list, true)
      ddi.portcls.UnmapAllocatedPages(view, mdl)
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/page-index-below-the-count',
    title: 'GetPhysicalPageAddress gives the pages of the MDL below the count, and 0 with a report at it',
    rules: ['WRT-018'],
    run: ({ check, ddi, kernel }) => {
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(ANYWHERE, 3 * PAGE_SIZE), 'pages')
      check.equal(ddi.portcls.GetPhysicalPagesCount(mdl), 3, 'GetPhysicalPagesCount')
      MmGetMdlPfnArray(mdl).forEach((pfn, i) => {
        check.equal(ddi.portcls.GetPhysicalPageAddress(mdl, i), pfn * PAGE, `address of page ${i}`)
      })
      const before = kernel.ledger.entries.length
      check.equal(ddi.portcls.GetPhysicalPageAddress(mdl, 3), 0n, 'address at the count as an index')
      const [reported] = kernel.ledger.entries.slice(before)
      check.equal(reported?.rule, 'WRT-018', 'what was reported of the count as an index')
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/free-while-mapped',
    title: 'pages that are still mapped cannot be freed',
    rules: ['WRT-014', 'VER-012/0xB8'],
    run: ({ check, ddi }) => {
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(ANYWHERE, PAGE_SIZE), 'pages')
      const view = check.present(ddi.portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      check.bugCheck(0xc4, 0xb8, 'freeing while mapped', () => ddi.portcls.FreePagesFromMdl(mdl))
      ddi.portcls.UnmapAllocatedPages(view, mdl)
      ddi.portcls.FreePagesFromMdl(mdl)
      check.callerError('WRT-013', 'using the MDL after it was freed', () => ddi.portcls.GetPhysicalPagesCount(mdl))
    },
  },
]
