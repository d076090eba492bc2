import type { Va } from '../../../base/address.ts'
import type { ErrorCode, ProbarError } from '../../../base/errors.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../../base/pages.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { ScatterGatherList } from '../../../ddi/dma/scatter-gather-list.ts'
import { type Mdl, MmGetMdlVirtualAddress } from '../../../ddi/mm/mdl.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { buildList } from '../parts/adapters.ts'
import { allocate, openAdapter, putList, release } from '../parts/buffers.ts'
import { freePool, poolBlock } from '../parts/driver-memory.ts'

/** Mappings that a platform with a limit does not grant: type1 has 65,535 unless its module parameter says otherwise. */
const MANY = 70_000
/** Scattered ones, so that each list takes a mapping for about three of four. */
const PAGES = 2_800
/** Who may pin few pages gets shorter lists. */
const FEWEST_PAGES = 4

interface Built {
  readonly list: ScatterGatherList
  readonly buffer: { readonly address: Va; readonly size: number }
}

/** Lists of the same pages, one after the other, each with mappings of its own. */
class Lists {
  readonly #context: Context
  readonly #adapter: DmaAdapter
  readonly #mdl: Mdl
  readonly #length: number
  readonly #size: number
  readonly #built: Built[] = []

  /** @param pages of the MDL that each list has */
  constructor(context: Context, adapter: DmaAdapter, mdl: Mdl, pages: number) {
    const size: { value?: number } = {}
    const length = pages * PAGE_SIZE
    adapter.CalculateScatterGatherList(mdl, MmGetMdlVirtualAddress(mdl), length, size, null)
    this.#context = context
    this.#adapter = adapter
    this.#mdl = mdl
    this.#length = length
    this.#size = context.check.present(size.value, 'the size of a list')
  }

  /** One more. @param codes of shortages that may be met. @returns its status, and what was met */
  add(codes: readonly ErrorCode[] = []): { readonly status: number; readonly seen: ProbarError | undefined } {
    const buffer = { address: poolBlock(this.#context, this.#size), size: this.#size }
    const request = { length: this.#length, writeToDevice: true }
    const build = () => buildList(this.#context, this.#adapter, this.#mdl, request, buffer)
    const { result, seen } = this.#context.kernel.shortages.provoke(codes, build)
    const { status, list } = result
    if (list === undefined) freePool(this.#context, buffer.address)
    else this.#built.push({ list, buffer })
    return { status, seen }
  }

  /** Puts the newest. */
  drop(): void {
    const last = this.#built.pop()
    if (last === undefined) return
    putList(this.#context, this.#adapter, last.list, true)
    freePool(this.#context, last.buffer.address)
  }

  dropAll(): void {
    while (this.#built.length > 0) this.drop()
  }
}

export const exhaustionCases: readonly Case[] = [
  {
    id: 'dma/mappings-run-out',
    title:
      'lists that take more mappings, or addresses, than there are end in STATUS_INSUFFICIENT_RESOURCES with nothing mapped halfway; without a limit all of them are had',
    rules: ['DMA-021', 'DMA-026'],
    needs: ['distinct-addresses'],
    run: (context) => {
      const { check, device } = context
      const { addressBits, maxEntries } = device.dma.capabilities
      // With a free page beside each mapping; narrow devices run out of addresses first, which is no shortage.
      const wide = 2 ** (addressBits - PAGE_SHIFT) >= 4 * MANY
      const limited = maxEntries < MANY
      const mdl = allocate(context, PAGES * PAGE_SIZE)
      const adapter = openAdapter(context, PAGES * PAGE_SIZE)
      // Memory that may be pinned may run out before the mappings do.
      const codes = limited ? (['dma-entries-exhausted', 'out-of-memory'] as const) : (['out-of-memory'] as const)
      let pages = PAGES
      let lists = new Lists(context, adapter, mdl, pages)
      let before = device.dma.entries
      let added = lists.add(codes)
      while (added.seen?.code === 'out-of-memory' && pages > FEWEST_PAGES) {
        pages = Math.ceil(pages / 8)
        lists = new Lists(context, adapter, mdl, pages)
        added = lists.add(codes)
      }
      while (added.status === 0 && device.dma.entries < MANY) {
        before = device.dma.entries
        added = lists.add(codes)
      }
      const { status, seen } = added
      if (status === 0) {
        check.ok(wide && !limited, `${device.dma.entries} mappings are had, of ${maxEntries}, with ${addressBits} bits`)
      } else {
        check.equal(status, NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'status of the list for which there are too few')
        check.ok(!wide || seen !== undefined, `the platform says what it has too few of, with ${addressBits} bits`)
        check.equal(device.dma.entries, before, 'mappings after the refusal')
        lists.drop()
        check.equal(lists.add().status, 0, 'status of a list in the place of one that was put')
      }
      lists.dropAll()
      release(context, mdl)
    },
  },
]
