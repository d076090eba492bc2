import { type BusAddress, type Va, busAddress, va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { DOMAIN_COMMON_BUFFER_LARGE_PAGE, KIRQL, MM_ALLOCATE, type Out } from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import { Segments } from '../../../device/segments.ts'
import { orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { MmCached, MmWriteCombined, allocate, mapSystem, openAdapter, release } from '../parts/buffers.ts'
import { setPlatform } from '../parts/adapters.ts'
import { frameBytes } from '../parts/home-bytes.ts'
import { allocatePart } from '../parts/headers.ts'
import { allocateGuarded } from '../parts/scattered.ts'

/** What memory holds before the device must not change it. */
const KEPT = 0x77

interface Buffer {
  readonly address: Va
  readonly logical: BusAddress
  readonly length: number
}

/** What a routine gave that must have given a buffer. */
function buffered({ check }: Context, length: number, ask: (logical: Out<BusAddress>) => Va | null): Buffer {
  const logical: Out<BusAddress> = {}
  const address = check.present(ask(logical), 'a common buffer')
  return { address, logical: check.present(logical.value, 'its logical address'), length }
}

/** AllocateCommonBuffer that must succeed. */
const allocateBuffer = (context: Context, adapter: DmaAdapter, length: number, cacheEnabled = true): Buffer =>
  buffered(context, length, (logical) => adapter.AllocateCommonBuffer(length, logical, cacheEnabled))

const freeBuffer = (adapter: DmaAdapter, { address, logical, length }: Buffer, cacheEnabled = true): void =>
  adapter.FreeCommonBuffer(length, logical, address, cacheEnabled)

/** Bytes of the buffer as the device sees them. */
const part = ({ logical }: Buffer, offset: number, length: number): Segments =>
  Segments.of([{ bus: busAddress(logical + BigInt(offset)), length }])

/** The device writes all of the buffer and reads what the CPU writes. */
async function goesBothWays({ check, engine, kernel, signal }: Context, buffer: Buffer, salt: number): Promise<void> {
  const { address, length } = buffer
  const [written, read] = [orderPattern(length, salt), orderPattern(length, salt + 1)]
  await engine.write(part(buffer, 0, length), written, { signal })
  check.bytes(kernel.memory.read(address, length), written, 'what the CPU sees')
  kernel.memory.write(address, read)
  check.bytes(await engine.read(part(buffer, 0, length), { signal }), read, 'what the device received')
}

/** Neither multiples of powers of two. */
const MINIMUM = 0x0234_5000n
const MAXIMUM = 0x0345_6000n

export const commonBufferCases: readonly Case[] = [
  {
    id: 'dma/common-buffer-both-ways',
    title:
      'a common buffer is one range for the device, and CPU and device see each other’s bytes, whatever CacheEnabled says',
    rules: ['DMA-050', 'DMA-051'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, kernel } = context
      const adapter = openAdapter(context)
      for (const [at, cacheEnabled] of [true, false].entries()) {
        const buffer = allocateBuffer(context, adapter, 2 * PAGE_SIZE + 100, cacheEnabled)
        await goesBothWays(context, buffer, 47 + at)
        freeBuffer(adapter, buffer, cacheEnabled)
      }
      const raised = (): unknown => kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.AllocateCommonBuffer(1, {}, true))
      check.bugCheck(0xe6, 0x13, 'at DISPATCH_LEVEL', raised)
      check.absent(adapter.AllocateCommonBuffer(context.frames.size, {}, true), 'a buffer of all the memory')
      ddi.dma.PutDmaAdapter(adapter)
    },
  },
  {
    id: 'dma/common-buffer-freed-exactly',
    title: 'FreeCommonBuffer takes the values of the allocation and no others, and the device’s access ends with it',
    rules: ['DMA-052', 'DMA-061'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, device, engine, kernel, signal } = context
      const adapter = openAdapter(context)
      const before = device.dma.entries
      const buffer = allocateBuffer(context, adapter, PAGE_SIZE)
      const { address, logical, length } = buffer
      const other = busAddress(logical + 1n)
      check.callerError('DMA-052', 'another length', () => adapter.FreeCommonBuffer(length - 1, logical, address, true))
      check.callerError('DMA-052', 'another logical address', () =>
        adapter.FreeCommonBuffer(length, other, address, true),
      )
      check.callerError('DMA-052', 'another caching', () => adapter.FreeCommonBuffer(length, logical, address, false))
      const pattern = orderPattern(64, 53)
      await engine.write(part(buffer, 0, 64), pattern, { signal })
      check.bytes(kernel.memory.read(address, 64), pattern, 'the buffer before it is freed')
      freeBuffer(adapter, buffer)
      const late = orderPattern(64, 54)
      await engine.write(part(buffer, 0, 64), late, { signal })
      // Every frame that is free, as it is: one of them was the buffer's.
      const free = allocate(context, context.frames.size, { flags: MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION })
      const found = [...MmGetMdlPfnArray(free)].filter((pfn) =>
        Buffer.from(frameBytes(context, pfn)).includes(Buffer.from(late)),
      )
      check.equal(found.length, 0, 'frames that the device still wrote')
      release(context, free)
      check.equal(device.dma.entries, before, 'mappings afterwards')
    },
  },
  {
    id: 'dma/common-buffer-within-bounds',
    title:
      'a common buffer lies at MinimumAddress or above and ends below MaximumAddress, and the device works with it',
    rules: ['DMA-053', 'DMA-012'],
    needs: ['engine', 'distinct-addresses', 'caller-placement'],
    run: async (context) => {
      const { check } = context
      const adapter = openAdapter(context)
      const length = 3 * PAGE_SIZE
      const end = ({ logical }: Buffer): bigint => logical + BigInt(length)
      for (let attempt = 0; attempt < 2; attempt++) {
        const below = buffered(context, length, (out) => adapter.AllocateCommonBufferEx(MAXIMUM, length, out, true, 0))
        check.ok(end(below) <= MAXIMUM, 'the buffer ends below MaximumAddress')
        const between = buffered(context, length, (out) =>
          adapter.AllocateCommonBufferWithBounds(MINIMUM, MAXIMUM, length, 0, MmCached, 0, out),
        )
        check.ok(between.logical >= MINIMUM, 'the buffer begins at MinimumAddress or above')
        check.ok(end(between) <= MAXIMUM, 'the bounded buffer ends below MaximumAddress')
        await goesBothWays(context, between, 59 + attempt)
        freeBuffer(adapter, below)
        freeBuffer(adapter, between)
      }
      const tight = BigInt(2 * PAGE_SIZE)
      const none = adapter.AllocateCommonBufferWithBounds(MINIMUM, MINIMUM + tight, length, 0, null, 0, {})
      check.absent(none, 'three pages within bounds of two')
      const combined = adapter.AllocateCommonBufferWithBounds(null, null, length, 0, MmWriteCombined, 0, {})
      check.absent(combined, 'a write-combined buffer')
    },
  },
  {
    id: 'dma/common-buffer-of-large-pages',
    title: 'DOMAIN_COMMON_BUFFER_LARGE_PAGE takes 512 pages, all of which the device reaches',
    rules: ['DMA-053'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, frames, kernel, signal } = context
      const adapter = openAdapter(context)
      const before = frames.allocated
      const [large, length] = [512 * PAGE_SIZE, PAGE_SIZE]
      const flags = DOMAIN_COMMON_BUFFER_LARGE_PAGE
      const buffer = buffered(context, length, (out) =>
        adapter.AllocateCommonBufferWithBounds(null, null, length, flags, null, 0, out),
      )
      check.ok(frames.allocated - before >= 512, `pages taken: ${frames.allocated - before}`)
      const pattern = orderPattern(64, 61)
      await engine.write(part(buffer, large - 64, 64), pattern, { signal })
      const end = va(buffer.address + BigInt(large - 64))
      check.bytes(kernel.memory.read(end, 64), pattern, 'the last bytes of the large page')
      freeBuffer(adapter, buffer)
    },
  },
  {
    id: 'dma/common-buffer-from-mdl',
    title:
      'whole pages of one mapped MDL become a common buffer that the device sees as one range, and stay the caller’s',
    rules: ['DMA-054', 'VER-007/0x22'],
    needs: ['engine', 'distinct-addresses'],
    run: async (context) => {
      const { check, ddi } = context
      const adapter = openAdapter(context)
      const pages = allocateGuarded(context, 3)
      const length = 3 * PAGE_SIZE
      const create = (mdl: Mdl, out: Out<BusAddress> = {}, configurations = 0): number =>
        adapter.CreateCommonBufferFromMdl(mdl, null, configurations, out)
      const invalid = NtStatus.STATUS_INVALID_PARAMETER
      check.bugCheck(0xe6, 0x22, 'an MDL without a system mapping', () => create(pages.payload))
      setPlatform(context, { verification: false })
      const lax = openAdapter(context)
      check.equal(lax.CreateCommonBufferFromMdl(pages.payload, null, 0, {}), invalid, 'status without a system mapping')
      const address = mapSystem(context, pages.payload)
      check.equal(create(pages.payload, {}, 1), NtStatus.STATUS_NOT_SUPPORTED, 'status with an extended configuration')
      const rest = allocate(context, PAGE_SIZE)
      mapSystem(context, rest)
      rest.header.set('Next', pages.payload.address)
      check.equal(create(rest), invalid, 'status for a chained MDL')
      rest.header.set('Next', 0n)
      const some = allocatePart(context, rest, 0, 100)
      check.equal(create(some), invalid, 'status for a part of a page')
      ddi.io.IoFreeMdl(some)
      release(context, rest)
      const out: Out<BusAddress> = {}
      check.equal(create(pages.payload, out), 0, 'CreateCommonBufferFromMdl')
      const buffer = { address, logical: check.present(out.value, 'its logical address'), length }
      await goesBothWays(context, buffer, 67)
      pages.checkGuards()
      check.callerError('DMA-025', 'freeing the pages', () => ddi.mm.MmFreePagesFromMdl(pages.payload))
      freeBuffer(adapter, buffer)
      pages.release()
    },
  },
  {
    id: 'dma/scattered-mdl-without-remapping',
    title: 'without DMA remapping pages that are not adjacent are no common buffer',
    rules: ['DMA-054'],
    run: (context) => {
      const { check } = context
      setPlatform(context, { remapping: false })
      const adapter = openAdapter(context)
      const pages = allocateGuarded(context, 2)
      mapSystem(context, pages.payload)
      const status = adapter.CreateCommonBufferFromMdl(pages.payload, null, 0, {})
      check.equal(status, NtStatus.STATUS_INVALID_PARAMETER, 'status')
      pages.release()
    },
  },
  {
    id: 'dma/overrun-in-the-page',
    title:
      'the device writes just past a buffer that is shorter than a page: nothing stops it, and the guards reveal it',
    rules: ['DMA-062', 'VER-004/0x0F/2', 'VER-004/0x0F/5', 'DMA-050'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const adapter = openAdapter(context)
      const buffer = allocateBuffer(context, adapter, 100)
      const { address, length } = buffer
      const pattern = orderPattern(8, 71)
      const writePast = async (distance: number): Promise<void> => {
        await engine.write(part(buffer, length + distance, 8), pattern, { signal })
        const seen = kernel.memory.read(va(address + BigInt(length + distance)), 8)
        check.bytes(seen, pattern, `memory ${distance} bytes past the buffer`)
      }
      await writePast(0)
      check.bugCheck(0xe6, [0x0f, 2], 'freeing it with its tag overwritten', () => freeBuffer(adapter, buffer))
      await writePast(1000)
      check.bugCheck(0xe6, [0x0f, 5], 'freeing it with its padding overwritten', () => freeBuffer(adapter, buffer))
      await engine.write(part(buffer, 0, length), orderPattern(length, 73), { signal })
      freeBuffer(adapter, buffer)
    },
  },
  {
    id: 'dma/overrun-in-front',
    title:
      'what is written in front of a buffer is revealed by its guards, and the device cannot be the one who did it',
    rules: ['VER-004/0x0F/1', 'VER-004/0x0F/4', 'DMA-061'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, engine, kernel, signal } = context
      const adapter = openAdapter(context)
      const buffer = allocateBuffer(context, adapter, 100)
      const front = (distance: number): Va => va(buffer.address - BigInt(distance))
      const pattern = orderPattern(64, 77)
      await engine.write(part(buffer, 0, 64), pattern, { signal })
      check.bytes(kernel.memory.read(buffer.address, 64), pattern, 'the buffer itself')
      const before = kernel.memory.read(front(64), 64)
      await engine.write(part(buffer, -64, 64), orderPattern(64, 79), { signal })
      check.bytes(kernel.memory.read(front(64), 64), before, 'memory in front after a write by the device')
      const write = (distance: number): void => kernel.memory.write(front(distance), Uint8Array.of(KEPT))
      write(1)
      check.bugCheck(0xe6, [0x0f, 1], 'freeing it with its tag overwritten', () => freeBuffer(adapter, buffer))
      write(100)
      check.bugCheck(0xe6, [0x0f, 4], 'freeing it with its padding overwritten', () => freeBuffer(adapter, buffer))
      freeBuffer(adapter, buffer)
    },
  },
]
