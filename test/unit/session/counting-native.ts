import { type Native, loadNative } from '../../../src/native/load.ts'
import type { Area, MemorySurface } from '../../../src/native/surface.ts'

/** Real memory that counts what was not given back. */
export class CountingNative {
  readonly native: Native
  readonly #alive = new Set<Area>()

  /** @param fail a call of this kind fails from now on */
  constructor(fail?: 'reserve' | 'createMemory') {
    const { memory, locks } = loadNative()
    const counted =
      <Args extends readonly unknown[]>(name: string, make: (...args: Args) => Area) =>
      (...args: Args): Area => {
        if (name === fail) throw new Error(`${name} fails, as planted`)
        const area = make(...args)
        this.#alive.add(area)
        return area
      }
    const surface: MemorySurface = {
      ...memory,
      createMemory: counted('createMemory', (bytes) => memory.createMemory(bytes)),
      reserve: counted('reserve', (bytes) => memory.reserve(bytes)),
      mapFrames: counted('mapFrames', (...args) => memory.mapFrames(...args)),
      release: (area) => {
        memory.release(area)
        this.#alive.delete(area)
      },
    }
    this.native = { memory: surface, locks }
  }

  /** Areas that were made and not released. */
  get alive(): number {
    return this.#alive.size
  }
}
