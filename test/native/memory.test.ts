import { describe } from '@jest/globals'
import { loadNative } from '../../src/native/load.ts'
import { describeMemory } from './memory.ts'
import { describeAddon } from './providers.ts'

/** One suite over both providers of memory. */
describeAddon('memory', ({ memory }) => describeMemory(memory))

describe('memory (koffi)', () => describeMemory(loadNative({ hideAddon: true }).memory))
