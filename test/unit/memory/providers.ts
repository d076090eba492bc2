import { describe } from '@jest/globals'
import { type Native, loadNative } from '../../../src/native/load.ts'
import type { MemorySurface } from '../../../src/native/surface.ts'

/** Describes what must hold over koffi, and over the addon where it is built. */
export function describeOverNative(name: string, body: (native: MemorySurface) => void): void {
  const natives: readonly Native[] = [loadNative(), loadNative({ hideAddon: true })]
  const providers = new Map(natives.map(({ memory }) => [memory.provider, memory]))
  for (const [provider, memory] of providers) describe(`${name} (${provider})`, () => body(memory))
}
