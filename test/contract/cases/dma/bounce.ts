import type { Plant } from '../../../../src/session/plant.ts'
import { allocating } from '../plants/broken-ddi.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'
import { native } from '../plants/broken-platform.ts'
import { platform } from './broken.ts'

/** The driver is opted in to remapping, whatever it says. */
export const remapped = platform({ remapping: true })
const anyPages: Plant = allocating(() => ({ low: 0n as never }))

type Copied = readonly [to: number, from: number, length: number]

/** Bounce pages are copied otherwise, at the right moment. */
const copying = (change: (to: number, from: number, length: number) => Copied | undefined): Plant =>
  native((memory) => ({
    copy: (area, toOffset, source, fromOffset, length) => {
      const [to, from, bytes] = change(toOffset, fromOffset, length) ?? [0, 0, 0]
      if (bytes > 0) memory.copy(area, to, source, from, bytes)
    },
  }))

/** Nothing is copied from or to bounce pages. */
export const notAtAll = copying(() => undefined)
const fromThePageOn = copying((to, from, length) => [to - (to % 4096), from - (from % 4096), length + (to % 4096)])
const aByteTooMany = copying((to, from, length) => [to, from, (to + length) % 4096 === 0 ? length : length + 1])

/** Defects for the cases of bounce pages. */
export const bounceDefects: Defects = {
  'dma/copied-when-the-list-is-made': [
    planted('nothing is bounced', 'what the device received after the edit', remapped),
    planted('the pages are within reach', 'a page lies above', anyPages),
    planted('nothing is copied', 'what the device received after the edit', notAtAll),
    fault('dma-reads-zeros', 'what the device received'),
  ],
  'dma/copied-back-when-it-is-put': [
    planted('nothing is bounced', 'the buffer before Put', remapped),
    planted('the pages are within reach', 'a page lies above', anyPages),
    planted('nothing is copied', 'the range after Put', notAtAll),
    planted('the page is copied from its start on', 'in front of the range', fromThePageOn),
    planted('a byte too many is copied', 'behind the range', aByteTooMany),
    fault('dma-writes-lost', 'the range after Put'),
  ],
  'dma/copied-back-by-the-flush': [
    planted('nothing is bounced', 'the buffer before the flush', remapped),
    planted('the pages are within reach', 'a page lies above', anyPages),
    planted('nothing is copied', 'the range after the flush', notAtAll),
    fault('dma-writes-lost', 'the range after the flush'),
  ],
}
