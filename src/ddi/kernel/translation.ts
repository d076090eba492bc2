import { type Va, advance } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { AddressSpace } from '../../memory/address-space.ts'
import { Protection } from '../../native/surface.ts'
import type { Pool } from './pool.ts'
import type { Processes } from './processes.ts'
import type { VirtualMemory } from './virtual-memory.ts'

/** What lies at an address, as the page tables of the current context say. */
export interface Translation {
  /** `nothing` also where user memory of another process lies; `registers` are no RAM. */
  readonly kind: 'nothing' | 'memory' | 'registers'
  /** The frame of each page, in order; fewer than asked for where the memory ends before. */
  readonly frames: Uint32Array
  readonly readable: boolean
  readonly writable: boolean
  /** `paged-pool` and `user` memory may move while it is not locked. */
  readonly memory: 'user' | 'nonpaged-pool' | 'paged-pool' | 'view'
}

export interface TranslationParts {
  readonly memory: AddressSpace
  readonly pool: Pool
  readonly virtual: VirtualMemory
  readonly processes: Processes
}

const NOTHING: Translation = {
  kind: 'nothing',
  frames: new Uint32Array(),
  readable: false,
  writable: false,
  memory: 'view',
}

/** @param pages from the one on that holds the address */
export function translate(parts: TranslationParts, address: Va, pages: number): Translation {
  const { memory, pool, virtual, processes } = parts
  const structures = pool.frameAt(address)
  if (structures !== undefined) return inStructurePool(pool, address, pages)
  const found = memory.find(address)
  if (found === undefined) return NOTHING
  const { placed, offset } = found
  if (placed.kind === 'registers') return { ...NOTHING, kind: 'registers', readable: true, writable: true }
  const { address: start, protection } = placed.view
  if (placed.mode === 'user' && processes.ownerOf(start) !== processes.current) return NOTHING
  const first = Math.floor(offset / PAGE_SIZE)
  return {
    kind: 'memory',
    frames: placed.frames.slice(first, first + pages),
    readable: protection !== Protection.none,
    writable: protection === Protection.readWrite,
    memory: virtual.at(start)?.kind ?? 'view',
  }
}

/** The kernel's own structures lie in the home view: one run of frames, nonpaged. */
function inStructurePool(pool: Pool, address: Va, pages: number): Translation {
  const frames = Array.from({ length: pages }, (_, page) => pool.frameAt(advance(address, page * PAGE_SIZE)))
  const end = frames.indexOf(undefined)
  const known = Uint32Array.from((end === -1 ? frames : frames.slice(0, end)).map((frame) => frame ?? 0))
  return { kind: 'memory', frames: known, readable: true, writable: true, memory: 'nonpaged-pool' }
}
