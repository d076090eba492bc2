import { describe, expect, it } from '@jest/globals'
import { OsError } from '../../../src/base/errors.ts'
import { exitStatusOf } from '../../../src/record/outcome.ts'
import type { RunRecord } from '../../../src/record/schema.ts'
import type { Plant } from '../../../src/session/plant.ts'
import { openSession } from '../../../src/session/open.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { runSuite } from '../../../src/suite/run.ts'
import { facts } from '../../unit/suite/bench.ts'
import { altered } from './plants/altered.ts'
import { domain, native, regions } from './plants/broken-platform.ts'

const pinning = (): never => {
  throw new OsError('out-of-memory', 'the kernel may not pin 0x1000 more bytes', 12, 'ioctl VFIO_IOMMU_MAP_DMA')
}
const entries = (): never => {
  throw new OsError('dma-entries-exhausted', 'the container has no mapping left', 28, 'ioctl VFIO_IOMMU_MAP_DMA')
}
const views = (): never => {
  throw new OsError('out-of-memory', 'frames cannot be mapped', 12, 'mmap')
}

/** Enough for a while, then nothing more. */
function afterwards<A extends readonly unknown[], R>(granted: number, act: (...args: A) => R, fail: () => never) {
  let left = granted
  return (...args: A): R => (left-- > 0 ? act(...args) : fail())
}

/** As the limit of locked memory does: counts what is mapped at the same time. */
function pinnedAtMost(pages: number): Plant {
  let room = pages * PAGE_SIZE
  return domain((dma) => ({
    map(frames, ...rest) {
      if (frames.indices.length * PAGE_SIZE > room) return pinning()
      const mapping = dma.map(frames, ...rest)
      room -= mapping.size
      const unmap = (): number => {
        room += mapping.size
        return mapping.unmap()
      }
      return altered(mapping, { unmap, [Symbol.dispose]: unmap })
    },
  }))
}

const shortages: Readonly<Record<string, (granted: number) => Plant>> = {
  'pages that may be pinned': pinnedAtMost,
  'mappings of the IOMMU': (granted) => domain((dma) => ({ map: afterwards(granted, dma.map.bind(dma), pinning) })),
  'DMA entries': (granted) => domain((dma) => ({ map: afterwards(granted, dma.map.bind(dma), entries) })),
  'DMA entries, as it told before,': (granted) =>
    domain((dma) => ({ capabilities: { ...dma.capabilities, maxEntries: granted - 1 } })),
  'mappings of the process': (granted) =>
    native((memory) => ({ mapFrames: afterwards(granted, memory.mapFrames.bind(memory), views) })),
  'room for views of BARs': (granted) => regions((bar) => ({ map: afterwards(granted, bar.map.bind(bar), views) })),
}

async function runShortOf(plant: Plant): Promise<RunRecord> {
  await using session = await openSession({ device: 'loopback:edu', plant })
  return await runSuite(session, { facts })
}

describe('a machine that runs out', () => {
  // The engine maps a page for itself at each fresh start, and one when the session opens.
  const runs = Object.keys(shortages).flatMap((name) => [3, 6].map((granted) => [name, granted] as const))

  it.each(runs)('of %s after %d of them breaks no rule: the run ends in error, by its code', async (name, granted) => {
    const record = await runShortOf((shortages[name] ?? (() => ({})))(granted))
    const codes = new Set(record.cases.flatMap(({ verdict, reason }) => (verdict === 'error' ? [reason?.code] : [])))
    expect(record.cases.filter(({ verdict }) => verdict === 'fail').map(({ id, reason }) => [id, reason])).toEqual([])
    expect([...codes]).toEqual([name.startsWith('DMA entries') ? 'dma-entries-exhausted' : 'out-of-memory'])
    expect(exitStatusOf(record, new Set(['no-io-bar', 'not-falsifiable']))).toBe(4)
  })
})
