import { describe, expect, it } from '@jest/globals'
import { busAddress, va } from '../../../../src/base/address.ts'
import { sleep } from '../../../../src/base/clock.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../../src/backend/loopback/device.ts'
import type { HostMemory } from '../../../../src/device/contract.ts'
import { counting } from '../../device/counting.ts'

function memoryOf(frames: number): HostMemory {
  const bytes = new Uint8Array(frames * PAGE_SIZE)
  return {
    area: 0,
    address: va(0n),
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    write: (offset, source) => bytes.set(source, offset),
  }
}

function bench({ ref = 'loopback:edu', addressBits }: { ref?: string; addressBits?: number } = {}) {
  const clock = new VirtualClock()
  const random = counting()
  const device = openLoopback(ref, addressBits === undefined ? { clock, random } : { clock, random, addressBits })
  const [bar] = device.regions
  if (bar === undefined) throw new Error('no BAR')
  device.config.write16(4, device.config.read16(4) | 4)
  const store = async (bus: bigint, length: number) => {
    bar.write64(0x80, 0x4_0000n)
    bar.write64(0x88, bus)
    bar.write64(0x90, BigInt(length))
    bar.write64(0x98, 3n)
    await sleep(clock, 101)
  }
  return { clock, device, bar, store, memory: memoryOf(8) }
}

const frames = (memory: HostMemory, ...indices: number[]) => ({ memory, indices: Uint32Array.from(indices) })

describe('the loopback device', () => {
  it('is a model, and says where its BAR lies', () => {
    const { device, bar } = bench()
    expect([device.backend, device.substance, device.ref]).toEqual(['loopback', 'model', 'loopback:edu'])
    expect(bar.start).toBe(0xfea0_0000n)
    expect(device.config.read32(0x10)).toBe(0xfea0_0000)
  })

  it('sizes its BAR as PCI has it, and shows its MSI capability', () => {
    const { device } = bench()
    device.config.write32(0x10, 0xffff_ffff)
    expect(device.config.read32(0x10)).toBe(0xfff0_0000)
    expect(device.config.read8(0x34)).toBe(0x40)
    expect(device.config.read32(0x40)).toBe(0x0080_0005)
    device.interrupts.enable('msi', 1)
    expect(device.config.read32(0x40)).toBe(0x0081_0005)
    device.interrupts.disable()
    expect(device.config.read32(0x40)).toBe(0x0080_0005)
  })

  it('keeps read-only bits of config space, whatever the width of the write', () => {
    const { device } = bench()
    const before = Array.from({ length: 256 }, (_, offset) => device.config.read8(offset))
    for (let offset = 0; offset < 256; offset += 4) device.config.write32(offset, 0xffff_ffff)
    for (let offset = 0; offset < 256; offset++) device.config.write8(offset, 0)
    const after = Array.from({ length: 256 }, (_, offset) => device.config.read8(offset))
    const changed = after.flatMap((byte, offset) => (byte === before[offset] ? [] : [offset]))
    // The command register, and BAR 0 above its megabyte.
    expect(changed).toEqual([0x04, 0x12, 0x13])
  })

  it('clips its apertures to the DMA mask, unless the user believes otherwise', () => {
    const last = (options: { ref?: string; addressBits?: number }) =>
      bench(options).device.dma.capabilities.apertures.map((aperture) => aperture.last)
    expect(last({})).toEqual([0xfff_ffffn])
    expect(last({ addressBits: 64 })).toEqual([0xfedf_ffffn, 0x7f_ffff_ffffn])
    expect(last({ ref: 'loopback:edu?dma_mask=0xffffffffffffffff' })).toEqual([0xfedf_ffffn, 0x7f_ffff_ffffn])
  })

  it('reaches the wrong place when the user believes in more address bits than it has', async () => {
    const { device, memory, store } = bench({ addressBits: 64 })
    memory.write(PAGE_SIZE, Uint8Array.of(1, 2, 3, 4))
    const bus = busAddress(0x10_2345_6000n)
    using mapping = device.dma.map(frames(memory, 1), 'both', { kind: 'at', bus })
    using watch = await device.faults.watch()
    await store(mapping.segments.at(0).bus, 4)
    expect([...memory.read(PAGE_SIZE, 4)]).toEqual([1, 2, 3, 4])
    expect(await watch.next({ timeoutMs: 10 })).toMatchObject({ address: 0x345_6000n, direction: 'write' })
  })

  it('falls off the bus when a transfer takes the whole buffer', async () => {
    const { device, bar, store } = bench()
    await store(0x1000n, 4096)
    expect([bar.read8(0), bar.read32(0), bar.read64(0x80)]).toEqual([0xff, 0xffff_ffff, 2n ** 64n - 1n])
    expect([device.config.read16(0), device.config.read32(0)]).toEqual([0xffff, 0xffff_ffff])
    bar.write32(4, 1)
    expect(() => device.reset()).toThrow(expect.objectContaining({ code: 'device-gone' }))
    device.close()
  })

  it('lets a transfer run on over a reset', async () => {
    const { device, bar, clock } = bench()
    bar.write64(0x80, 0x4_0000n)
    bar.write64(0x90, 4n)
    bar.write64(0x98, 3n)
    device.reset()
    expect(bar.read64(0x98)).toBe(3n)
    await sleep(clock, 101)
    expect(bar.read64(0x98)).toBe(2n)
  })

  it('reports each refused page of a transfer, in order, to those who watch', async () => {
    const { device, memory, store } = bench()
    using around = device.dma.map(frames(memory, 1), 'read')
    const bus = around.segments.at(0).bus
    using watch = await device.faults.watch()
    using other = await device.faults.watch()
    await store(bus - 8n, 16)
    const seen = [await watch.next({ timeoutMs: 10 }), await watch.next({ timeoutMs: 10 })]
    expect(seen.map((fault) => fault?.address)).toEqual([bus - 4096n, bus])
    expect(seen.map((fault) => fault?.reason)).toEqual(['nothing is mapped there', 'the mapping allows no write'])
    expect(await watch.next({ timeoutMs: 10 })).toBeUndefined()
    expect(await other.next({ timeoutMs: 10 })).toEqual(seen[0])
  })

  it('ends a watch for faults with the device', async () => {
    const { device } = bench()
    const watch = await device.faults.watch()
    const next = watch.next({ timeoutMs: 1000 })
    device.close()
    await expect(next).rejects.toMatchObject({ code: 'closed' })
    await expect(watch.next({ timeoutMs: 1000 })).rejects.toMatchObject({ code: 'closed' })
  })

  it('drops an MSI while bus mastering is off', async () => {
    const { device, bar } = bench()
    device.interrupts.enable('msi', 1)
    device.config.write16(4, 2)
    bar.write32(0x60, 1)
    device.config.write16(4, 6)
    await expect(device.interrupts.wait(0, 0, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'timeout' })
  })

  it('counts the INTx pin when it goes active, not while it is', async () => {
    const { device, bar, clock } = bench()
    device.interrupts.enable('intx', 1)
    bar.write32(0x60, 1)
    bar.write32(0x60, 2)
    await sleep(clock, 1)
    expect(device.interrupts.count(0)).toBe(1)
    bar.write32(0x64, 3)
    device.interrupts.unmask(0)
    bar.write32(0x60, 1)
    await sleep(clock, 1)
    expect(device.interrupts.count(0)).toBe(2)
  })

  it('keeps the INTx pin quiet while the command register disables it', async () => {
    const { device, bar, clock } = bench()
    device.interrupts.enable('intx', 1)
    device.config.write16(4, 0x406)
    bar.write32(0x60, 1)
    await sleep(clock, 1)
    expect(device.interrupts.count(0)).toBe(0)
  })

  it('leaves nothing mapped when entries run out', () => {
    const { device, memory } = bench({ ref: 'loopback:edu?dma_mask=0xffffffffffffffff' })
    const indices = Uint32Array.from({ length: 65_536 }, (_, index) => (2 * index) % 8)
    expect(() => device.dma.map({ memory, indices }, 'both')).toThrow(
      expect.objectContaining({ code: 'dma-entries-exhausted' }),
    )
    expect(device.dma.entries).toBe(0)
    using mapping = device.dma.map({ memory, indices: indices.subarray(1) }, 'both')
    expect([device.dma.entries, mapping.segments.count]).toEqual([65_535, 65_535])
  })

  it('leaves no timer behind when it is closed', async () => {
    const { device, bar, clock } = bench()
    device.interrupts.enable('msi', 1)
    bar.write32(0x60, 1)
    bar.write32(0x08, 5)
    bar.write64(0x98, 1n)
    device.close()
    for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate)
    expect(clock.now()).toBe(0)
  })

  it('moves nothing any more once it is closed', async () => {
    const { device, memory, bar, clock } = bench()
    memory.write(PAGE_SIZE, Uint8Array.of(9, 9))
    const mapping = device.dma.map(frames(memory, 1), 'both')
    bar.write64(0x80, 0x4_0000n)
    bar.write64(0x88, mapping.segments.at(0).bus)
    bar.write64(0x90, 2n)
    bar.write64(0x98, 3n)
    device.close()
    await sleep(clock, 200)
    expect([...memory.read(PAGE_SIZE, 2)]).toEqual([9, 9])
  })
})
