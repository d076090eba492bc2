import { advance } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MmGetMdlByteCount } from '../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import {
  ANYWHERE,
  MmCached,
  MmNonCached,
  MmWriteCombined,
  ZERO,
  mustGetList,
  openAdapter,
  putList,
} from '../parts/buffers.ts'
import { frameBytes, walkList } from '../parts/home-bytes.ts'

const PAGE = BigInt(PAGE_SIZE)

export const pagesByDeviceCases: readonly Case[] = [
  {
    id: 'wavert/device-reaches-all-pages',
    title: 'the device fills every page of a short, and of an adjacent allocation, at its GetPhysicalPageAddress',
    rules: ['WRT-010', 'WRT-011', 'WRT-018'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const { portcls } = ddi
      const adapter = openAdapter(context)
      kernel.lowResources.failCall(1)
      const short = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 6 * PAGE_SIZE), 'some of the pages')
      kernel.lowResources.end()
      const adjacent = check.present(portcls.AllocateContiguousPagesForMdl(ZERO, ANYWHERE, 3 * PAGE_SIZE), 'pages')
      for (const [name, mdl] of Object.entries({ short, adjacent })) {
        const length = MmGetMdlByteCount(mdl)
        const list = mustGetList(context, adapter, mdl, { length, writeToDevice: false })
        const pattern = orderPattern(length, 31)
        await engine.write(walkList(context, list), pattern, { signal })
        putList(context, adapter, list, false)
        const count = portcls.GetPhysicalPagesCount(mdl)
        check.equal(count * PAGE_SIZE, length, `bytes in the pages, ${name}`)
        for (let page = 0; page < count; page++) {
          const expected = pattern.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
          const bytes = frameBytes(context, portcls.GetPhysicalPageAddress(mdl, page) / PAGE)
          check.bytes(bytes, expected, `page ${page}, ${name}`)
        }
        portcls.FreePagesFromMdl(mdl)
      }
    },
  },
  {
    id: 'wavert/unaligned-in-every-caching-type',
    title:
      'in each caching type a client reads and writes the buffer at any byte, and the device sees and shows the same',
    rules: ['WRT-015', 'WRT-017'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const { portcls } = ddi
      const adapter = openAdapter(context)
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 2 * PAGE_SIZE), 'pages')
      for (const type of [MmNonCached, MmCached, MmWriteCombined]) {
        const view = check.present(portcls.MapAllocatedPages(mdl, type), `a view with the caching type ${type}`)
        const expected = orderPattern(2 * PAGE_SIZE, 32 + type)
        for (let at = 0, size = 1; at < expected.length; at += size, size = (size % 15) + 1)
          kernel.memory.write(advance(view, at), expected.subarray(at, at + size))
        const list = mustGetList(context, adapter, mdl, { length: 2 * PAGE_SIZE, writeToDevice: true })
        const received = await engine.read(walkList(context, list), { signal })
        check.bytes(received, expected, `what the device received, caching type ${type}`)
        putList(context, adapter, list, true)
        const back = mustGetList(context, adapter, mdl, { length: 2 * PAGE_SIZE, writeToDevice: false })
        const pattern = orderPattern(2 * PAGE_SIZE, 35 + type)
        await engine.write(walkList(context, back), pattern, { signal })
        putList(context, adapter, back, false)
        for (const at of [1, 4091, 4095, 5003])
          check.bytes(
            kernel.memory.read(advance(view, at), 13),
            pattern.subarray(at, at + 13),
            `13 bytes from ${at} on, caching type ${type}`,
          )
        portcls.UnmapAllocatedPages(view, mdl)
      }
      portcls.FreePagesFromMdl(mdl)
    },
  },
]
