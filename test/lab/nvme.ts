import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { advance, busAddress } from '../../src/base/address.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import type { Mapping } from '../../src/device/contract.ts'
import { type Segment, Segments } from '../../src/device/segments.ts'
import { NvmeEngine } from '../../src/engine/nvme/engine.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { failure } from '../contract/bench.ts'
import type { EngineBench } from '../contract/engine.ts'
import { benchedDevices } from './devices.ts'
import { openPciEngineBench } from './pci-bench.ts'

jest.setTimeout(120_000)

const pattern = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 13 + (i >> 8) * 31 + salt) & 0xff)

const isNvme = (engine: unknown): engine is NvmeEngine => engine instanceof NvmeEngine

/** What only an NVM Express controller does: PRP and SGL lists, data of its own, a vector for each queue. */
export function describeNvme(backend: PciBackend): void {
  const device = benchedDevices.find(({ name }) => name === 'qemu-nvme')
  if (device === undefined) throw new Error('the bench has no qemu-nvme')
  const NVME = { ...device, backend }

  describe(`nvme by ${backend}`, () => {
    let bench: EngineBench
    let engine: NvmeEngine
    beforeEach(async () => {
      bench = await openPciEngineBench(NVME)
      if (!isNvme(bench.engine)) throw new Error('the profile of nvme names another engine')
      engine = bench.engine
    })
    afterEach(() => bench.close())

    /** All sixteen frames, one by one on the bus, in an order of their own. */
    function mapPages(): {
      readonly mapping: Mapping
      readonly pages: readonly Segment[]
      readonly frames: readonly number[]
    } {
      const frames = bench.frames.toSorted((a, b) => ((a * 7) % 16) - ((b * 7) % 16))
      const mapping = bench.device.dma.map({ memory: bench.memory, indices: Uint32Array.from(frames) }, 'both')
      const pages = [...mapping.segments].flatMap(({ bus, length }) =>
        Array.from({ length: length / PAGE_SIZE }, (_, i) => ({ bus: advance(bus, i * PAGE_SIZE), length: PAGE_SIZE })),
      )
      return { mapping, pages, frames }
    }
    const memoryOf = (frames: readonly number[]): Uint8Array =>
      Buffer.concat(frames.map((frame) => bench.memory.read(frame * PAGE_SIZE, PAGE_SIZE)))
    const fill = (byte: number): void => {
      for (const frame of bench.frames) bench.memory.write(frame * PAGE_SIZE, new Uint8Array(PAGE_SIZE).fill(byte))
    }

    it('fills sixteen scattered pages through PRP lists, and reads them back', async () => {
      fill(0xee)
      const { mapping, pages, frames } = mapPages()
      const data = pattern(16 * PAGE_SIZE, 1)
      await engine.write(Segments.of(pages), data)
      expect(Buffer.compare(memoryOf(frames), data)).toBe(0)
      expect(
        Buffer.compare(
          await engine.read(Segments.of(pages.toReversed())),
          Buffer.concat(frames.toReversed().map((frame) => bench.memory.read(frame * PAGE_SIZE, PAGE_SIZE))),
        ),
      ).toBe(0)
      mapping.unmap()
    })

    it('writes 600 pieces of odd lengths through chained SGL segments, and no byte between them', async () => {
      fill(0x5a)
      const { mapping, pages, frames } = mapPages()
      const places = Array.from({ length: 600 }, (_, i) => ({
        page: (i * 5) % 16,
        at: 3 + Math.floor(i / 16) * 101,
        length: 1 + ((i * 7) % 97),
      }))
      const list = Segments.of(
        places.map(({ page, at, length }) => ({ bus: advance(pages[page]?.bus ?? busAddress(0), at), length })),
      )
      const data = pattern(list.size, 2)
      const expected = new Uint8Array(16 * PAGE_SIZE).fill(0x5a)
      let done = 0
      for (const { page, at, length } of places) {
        expected.set(data.subarray(done, done + length), page * PAGE_SIZE + at)
        done += length
      }
      await engine.write(list, data)
      expect(Buffer.compare(memoryOf(frames), expected)).toBe(0)
      expect(Buffer.compare(await engine.read(list), data)).toBe(0)
      mapping.unmap()
    })

    it('deposits what the controller says of itself, at an offset within a page and beyond it', async () => {
      fill(0)
      const { mapping, pages, frames } = mapPages()
      const [first, second] = pages
      if (first === undefined || second === undefined) throw new Error('two pages were mapped')
      const target = Segments.of([
        { bus: advance(first.bus, 0x804), length: 0x7fc },
        { bus: second.bus, length: 0x804 },
      ])
      const said = await engine.deposit(target)
      const memory = memoryOf(frames)
      expect(Buffer.compare(memory.subarray(0x804, 0x1804), said)).toBe(0)
      expect(memory.subarray(0, 0x804).every((byte) => byte === 0)).toBe(true)
      expect(memory.subarray(0x1804).every((byte) => byte === 0)).toBe(true)
      expect(Buffer.from(said.subarray(4, 24)).toString('latin1').trim()).toBe('probar')
      mapping.unmap()
    })

    it('deposits a log of the controller, and no byte beside it', async () => {
      fill(0x5a)
      const { mapping, pages, frames } = mapPages()
      const [first] = pages
      const said = await engine.deposit(Segments.of([{ bus: advance(first?.bus ?? busAddress(0), 0x40), length: 512 }]))
      expect(said).toHaveLength(512)
      const expected = new Uint8Array(16 * PAGE_SIZE).fill(0x5a)
      expected.set(said, 0x40)
      expect(Buffer.compare(memoryOf(frames), expected)).toBe(0)
      // the revision of the firmware in slot 1 (section 5.14.1.3), and no page of poison
      expect(Buffer.from(said.subarray(8, 16)).toString('latin1')).toMatch(/^[ -~]{8}$/)
      mapping.unmap()
    })

    it('interrupts by a vector of its own for each channel', async () => {
      const { channels } = engine.abilities
      expect(channels).toBe(4)
      for (const [channel, times] of [3, 1, 4, 2].entries()) {
        for (let i = 0; i < times; i++) await engine.interrupt({ channel })
      }
      const { interrupts } = bench.device
      // the admin queue has vector 0
      expect([1, 2, 3, 4].map((vector) => interrupts.count(vector))).toEqual([3, 1, 4, 2])
    })

    it('carries side by side on all channels, each its own data', async () => {
      const { mapping, pages, frames } = mapPages()
      const data = [0, 1, 2, 3].map((channel) => pattern(4 * PAGE_SIZE - 77, 10 + channel))
      const lists = [0, 1, 2, 3].map((channel) =>
        Segments.of(pages.slice(4 * channel, 4 * channel + 4)).slice(0, 4 * PAGE_SIZE - 77),
      )
      await Promise.all(
        lists.map((list, channel) => engine.write(list, data[channel] ?? new Uint8Array(), { channel })),
      )
      for (const [channel, bytes] of data.entries()) {
        expect(
          Buffer.compare(memoryOf(frames.slice(4 * channel, 4 * channel + 4)).subarray(0, bytes.length), bytes),
        ).toBe(0)
      }
      const received = await Promise.all(
        lists.map((list, channel) => engine.read(list, { channel, completion: 'interrupt' })),
      )
      for (const [channel, bytes] of received.entries())
        expect(Buffer.compare(bytes, data[channel] ?? bytes.subarray(1))).toBe(0)
      mapping.unmap()
    })

    it('works again after an abort, and after somebody reset the device', async () => {
      const { mapping, pages } = mapPages()
      const list = Segments.of(pages)
      const ended = failure(() => engine.read(list))
      await engine.abort()
      expect(await ended).toBe('cancelled')
      expect(engine.idle()).toBe(true)
      const data = pattern(list.size, 3)
      await engine.write(list, data)
      bench.device.reset()
      bench.device.config.write16(4, 6)
      expect(Buffer.compare(await engine.read(list), data)).toBe(0)
      mapping.unmap()
    })

    const mapOne = (): Mapping =>
      bench.device.dma.map({ memory: bench.memory, indices: Uint32Array.of(bench.frames[0] ?? 0) }, 'both')

    it('refuses blocks that the namespace does not have, and uses the last that it has', async () => {
      // 64 MiB are 131,072 blocks of 512 bytes, and four channels take 32 each
      const scratch = { namespace: 1, firstBlock: 131_072 - 128, blocks: 128 }
      await bench.close()
      bench = await openPciEngineBench(NVME, (dma) => ({ ...dma, scratch: { ...scratch, blocks: 129 } }))
      await expect(bench.engine.read(mapOne().segments)).rejects.toMatchObject({
        code: 'profile-invalid',
        message: expect.stringContaining('ends before block 131073'),
      })
      await bench.close()
      bench = await openPciEngineBench(NVME, (dma) => ({ ...dma, scratch }))
      expect(await bench.engine.read(mapOne().segments, { channel: 3 })).toHaveLength(PAGE_SIZE)
    })

    it('needs scratch blocks to carry anything, and none for what the controller says of itself', async () => {
      await bench.close()
      bench = await openPciEngineBench(NVME, ({ engine, addressBits, maxTransfer, granularity }) => ({
        engine,
        addressBits,
        maxTransfer,
        granularity,
      }))
      if (!isNvme(bench.engine)) throw new Error('the profile of nvme names another engine')
      const { segments } = mapOne()
      expect(bench.engine.abilities).toMatchObject({ carries: false, channels: 1 })
      expect(await failure(() => bench.engine.read(segments))).toBe('capability-missing')
      expect(await failure(() => bench.engine.write(segments, new Uint8Array(PAGE_SIZE)))).toBe('capability-missing')
      const said = await bench.engine.deposit(segments)
      expect(Buffer.compare(bench.memory.read((bench.frames[0] ?? 0) * PAGE_SIZE, PAGE_SIZE), said)).toBe(0)
      const first = await bench.engine.interrupt()
      expect(await bench.engine.interrupt()).toBeGreaterThan(first)
    })
  })
}
