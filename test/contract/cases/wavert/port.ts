import { physicalAddress, va } from '../../../../src/base/address.ts'
import { BugCheck, codeOf } from '../../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { MdlFlags } from '../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { altered } from '../plants/altered.ts'
import { mm, portcls, waveRT } from '../plants/broken-ddi.ts'
import { laterViewsOf, native, viewsOf } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'
import type { Plant } from '../../../../src/session/plant.ts'

const ANYWHERE = physicalAddress(0xffff_ffff_ffff_ffffn)

/** What is refused as misuse is taken. */
function forgiven<A extends readonly unknown[], R>(act: (...args: A) => R, instead: R) {
  return (...args: A): R => {
    try {
      return act(...args)
    } catch (error) {
      if (!(error instanceof BugCheck) && codeOf(error) !== 'caller-error') throw error
      return instead
    }
  }
}

/** Every MDL of AllocatePagesForMdl is spoilt. */
const spoilt = (spoil: (mdl: Mdl, ddi: Parameters<NonNullable<Plant['ddi']>>[0]) => void): Plant => ({
  ddi: (ddi) => ({
    ...ddi,
    portcls: altered(ddi.portcls, {
      AllocatePagesForMdl(high, bytes) {
        const mdl = ddi.portcls.AllocatePagesForMdl(high, bytes)
        if (mdl !== null) spoil(mdl, ddi)
        return mdl
      },
    }),
  }),
})

/** Defects for the cases of the port's pages. */
export const portDefects: Defects = {
  'wavert/fewer-pages-than-asked': [
    planted(
      'it is all or nothing',
      'some of the pages',
      portcls((port) => ({
        AllocatePagesForMdl: (high, bytes) => port.AllocateContiguousPagesForMdl(physicalAddress(0n), high, bytes),
      })),
    ),
    planted(
      'ByteCount is that of the request',
      'ByteCount of a short result',
      spoilt((mdl) => mdl.header.set('ByteCount', 8 * PAGE_SIZE)),
    ),
    planted(
      'ByteCount is no multiple of a page',
      'in its last page',
      spoilt((mdl, ddi) => {
        mdl.header.set('ByteCount', 3 * PAGE_SIZE + 100)
        ddi.mm.accept(mdl)
      }),
    ),
    planted(
      'a page more is counted',
      'bytes in the pages of a short result',
      portcls((port) => ({ GetPhysicalPagesCount: (mdl) => port.GetPhysicalPagesCount(mdl) + 1 })),
    ),
    planted(
      'they are not locked',
      'the pages are locked',
      spoilt((mdl) => (mdl.MdlFlags &= ~MdlFlags.MDL_PAGES_LOCKED)),
    ),
    planted(
      'they are mapped at once',
      'the pages have no mapping',
      spoilt((mdl, { portcls: port }) => void port.MapAllocatedPages(mdl, 1)),
    ),
    planted('they hold what was there', 'page 0 of a short result', {
      frames: (store) => altered(store, { zero: () => undefined }),
    }),
    planted(
      'there is always a page more',
      'a page when there is none',
      portcls((port) => {
        let last: Mdl | null = null
        return {
          AllocatePagesForMdl: (high, bytes) => (last = port.AllocatePagesForMdl(high, bytes) ?? last),
        }
      }),
    ),
    planted(
      'the size is cut to 16 MiB without a word',
      'all pages that there are',
      portcls((port) => ({
        AllocatePagesForMdl: (high, bytes) => (bytes > 2 ** 24 ? null : port.AllocatePagesForMdl(high, bytes)),
      })),
    ),
  ],
  'wavert/limit-below-the-memory': [
    planted(
      'the limit is ignored',
      'pages below HighAddress',
      portcls((port) => ({ AllocatePagesForMdl: (_, bytes) => port.AllocatePagesForMdl(ANYWHERE, bytes) })),
    ),
    planted(
      'the limit of adjacent pages is ignored',
      'adjacent pages below HighAddress',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (low, _, bytes) => port.AllocateContiguousPagesForMdl(low, ANYWHERE, bytes),
      })),
    ),
    planted(
      'bounds are put in order',
      'pages in crossed bounds',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (low, high, bytes) =>
          low > high
            ? port.AllocateContiguousPagesForMdl(high, low, bytes)
            : port.AllocateContiguousPagesForMdl(low, high, bytes),
      })),
    ),
    planted(
      'there is always a page',
      'no bytes',
      portcls((port) => ({ AllocatePagesForMdl: (high, bytes) => port.AllocatePagesForMdl(high, Math.max(1, bytes)) })),
    ),
    planted(
      'a byte is rounded down',
      'pages for a byte, anywhere',
      portcls((port) => ({ AllocatePagesForMdl: (high, bytes) => port.AllocatePagesForMdl(high, bytes & ~4095) })),
    ),
  ],
  'wavert/port-owns-its-mdls': [
    planted(
      'Mm frees the port’s pages',
      'MmFreePagesFromMdl of the port’s pages',
      mm((mm) => ({ MmFreePagesFromMdl: forgiven(mm.MmFreePagesFromMdl.bind(mm), undefined) })),
    ),
    planted(
      'another stream frees them',
      'another stream’s FreePagesFromMdl',
      waveRT((port) => ({
        newPortStream: () => {
          const other = port.newPortStream()
          return altered(other, { FreePagesFromMdl: forgiven(other.FreePagesFromMdl.bind(other), undefined) })
        },
      })),
    ),
    planted(
      'any MDL is freed',
      'FreePagesFromMdl of another MDL',
      portcls((port) => ({ FreePagesFromMdl: forgiven(port.FreePagesFromMdl.bind(port), undefined) })),
    ),
    planted(
      'any MDL is mapped',
      'MapAllocatedPages of another MDL',
      portcls((port) => ({ MapAllocatedPages: forgiven(port.MapAllocatedPages.bind(port), null) })),
    ),
    planted(
      'nothing is freed',
      'frames in use afterwards',
      portcls((port) => ({
        FreePagesFromMdl(mdl) {
          // What is refused is still refused.
          port.GetPhysicalPagesCount(mdl)
        },
      })),
    ),
    planted('the MDL stays', 'MDLs afterwards', {
      ddi: (ddi) => {
        const before = ddi.mm.alive
        let freed = 0
        return {
          ...ddi,
          mm: new Proxy(ddi.mm, {
            get(target, name) {
              const value: unknown = Reflect.get(target, name, target)
              if (name === 'alive') return before + freed
              return typeof value === 'function' ? value.bind(target) : value
            },
          }),
          portcls: altered(ddi.portcls, {
            FreePagesFromMdl(mdl) {
              ddi.portcls.FreePagesFromMdl(mdl)
              freed++
            },
          }),
        }
      },
    }),
    planted(
      'freeing twice is harmless',
      'freeing it again',
      portcls((port) => {
        const dead = new Set<Mdl>()
        return {
          FreePagesFromMdl(mdl) {
            if (dead.has(mdl)) return
            port.FreePagesFromMdl(mdl)
            dead.add(mdl)
          },
        }
      }),
    ),
    planted(
      'a freed MDL has addresses',
      'its pages',
      portcls((port) => ({
        GetPhysicalPageAddress: forgiven(port.GetPhysicalPageAddress.bind(port), physicalAddress(0n)),
      })),
    ),
  ],
  'wavert/mapping-fails-with-null': [
    planted(
      'one type is not supported',
      'a view with the caching type 0',
      portcls((port) => ({
        MapAllocatedPages: (mdl, type) => (type === 0 ? null : port.MapAllocatedPages(mdl, type)),
      })),
    ),
    planted(
      'write-combined views lie elsewhere',
      'nothing is mapped',
      portcls((port) => ({
        MapAllocatedPages: (mdl, type) => {
          const view = port.MapAllocatedPages(mdl, type)
          return view !== null && type === 2 ? va(view + 16_384n) : view
        },
      })),
    ),
    planted(
      'an unknown type is taken for cached',
      'a view with a caching type that there is not',
      portcls((port) => ({ MapAllocatedPages: (mdl, type) => port.MapAllocatedPages(mdl, Math.min(type, 2)) })),
    ),
    planted(
      'it tries again',
      'a view under low resources',
      portcls((port) => ({
        MapAllocatedPages: (mdl, type) => port.MapAllocatedPages(mdl, type) ?? port.MapAllocatedPages(mdl, type),
      })),
    ),
    planted(
      'the first type is taken over',
      'a view with another type than a client’s',
      portcls((port) => ({
        MapAllocatedPages: (mdl, type) =>
          port.MapAllocatedPages(mdl, type) ?? (type === 2 ? port.MapAllocatedPages(mdl, 1) : null),
      })),
    ),
  ],
  'wavert/unmap-takes-its-own-address': [
    planted(
      'unmapping nothing is harmless',
      'unmapping what is not mapped',
      portcls((port) => ({ UnmapAllocatedPages: forgiven(port.UnmapAllocatedPages.bind(port), undefined) })),
    ),
    planted(
      'any address will do',
      'unmapping a foreign address',
      portcls((port) => {
        let mapped: ReturnType<typeof port.MapAllocatedPages> = null
        return {
          MapAllocatedPages: (...args) => (mapped = port.MapAllocatedPages(...args)),
          UnmapAllocatedPages: (at, mdl) => port.UnmapAllocatedPages(mapped ?? at, mdl),
        }
      }),
    ),
    planted(
      'a client’s view shows other pages',
      'a byte of the port’s view afterwards',
      laterViewsOf((pages) => pages.toReversed()),
    ),
    planted(
      'the view stays',
      'the view once it is unmapped',
      portcls((port) => {
        let view: ReturnType<typeof port.MapAllocatedPages> = null
        return {
          MapAllocatedPages: (...args) => (view = port.MapAllocatedPages(...args)),
          UnmapAllocatedPages: (at, mdl) => (at === view ? undefined : port.UnmapAllocatedPages(at, mdl)),
        }
      }),
    ),
    planted(
      'it is freed under a client',
      'freeing with a client’s view',
      portcls((port) => ({ FreePagesFromMdl: forgiven(port.FreePagesFromMdl.bind(port), undefined) })),
    ),
  ],
  'wavert/device-reaches-all-pages': [
    fault('dma-writes-lost', 'page 0, short'),
    fault('dma-drops-last-byte', 'page'),
    fault('dma-wrong-page', 'page'),
    planted(
      'addresses are in another order',
      'page 0, short',
      portcls((port) => ({
        GetPhysicalPageAddress: (mdl, i) => port.GetPhysicalPageAddress(mdl, port.GetPhysicalPagesCount(mdl) - 1 - i),
      })),
    ),
    planted(
      'one page less is counted',
      'bytes in the pages, short',
      portcls((port) => ({ GetPhysicalPagesCount: (mdl) => port.GetPhysicalPagesCount(mdl) - 1 })),
    ),
    planted(
      'it is all or nothing',
      'some of the pages',
      portcls((port) => ({
        AllocatePagesForMdl: (high, bytes) => port.AllocateContiguousPagesForMdl(physicalAddress(0n), high, bytes),
      })),
    ),
  ],
  'wavert/unaligned-in-every-caching-type': [
    fault('dma-reads-zeros', 'what the device received'),
    planted(
      'loads are rounded down to 4 bytes',
      '13 bytes from 1 on',
      native((memory) => ({ read: (area, offset, length) => memory.read(area, offset & ~3, length) })),
    ),
    planted(
      'one type is not supported',
      'a view with the caching type 0',
      portcls((port) => ({
        MapAllocatedPages: (mdl, type) => (type === 0 ? null : port.MapAllocatedPages(mdl, type)),
      })),
    ),
    planted(
      'the pages of one view are exchanged',
      'what the device received, caching type 0',
      viewsOf((pages) => (pages.length === 2 ? pages.toReversed() : pages)),
    ),
  ],
}
