import { describe } from '@jest/globals'
import { loadNative } from '../../src/native/load.ts'
import { describeAccess } from './access.ts'
import { describeElementList } from './element-list.ts'
import { describeMemory } from './memory.ts'
import type { MemorySurface } from '../../src/native/surface.ts'
import { describeAddon } from './providers.ts'

function both(surface: MemorySurface): void {
  describeMemory(surface)
  describeAccess(surface)
  describe('element lists', () => describeElementList(surface))
}

/** One suite over both providers of memory. */
describeAddon('memory', ({ memory }) => both(memory))

describe('memory (koffi)', () => both(loadNative({ hideAddon: true }).memory))
