import { describe, expect, it } from '@jest/globals'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { PoolBlock } from '../../../../src/ddi/kernel/pool.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import { Bench, outcome } from '../bench.ts'
import { LOCKED, MAPPINGS, Stream, TRAILING, UNLOCKED, registerAdapter } from './stream.ts'

const { STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS, STATUS_CANCELLED } = NtStatus

describe('the bytes of a stream pointer', () => {
  it.each<readonly [string, string, (pointer: KsStreamPointer) => void]>([
    ['Pin', 'KSM-003', ({ bytes }) => bytes.set('Pin', 0n)],
    ['StreamHeader', 'KSM-003', ({ bytes }) => bytes.set('StreamHeader', 8n)],
    ['Offset', 'KSM-003', ({ bytes }) => bytes.set('Offset', bytes.get('Offset') - 16n)],
    ['Data', 'KSM-032', ({ bytes }) => bytes.set('OffsetOut.Data', bytes.get('OffsetOut.Data') + 1n)],
    ['Data of the other side', 'KSM-032', ({ bytes }) => bytes.set('OffsetIn.Data', 1n)],
    ['Count', 'KSM-030', ({ bytes }) => bytes.set('OffsetOut.Count', 99)],
    ['Remaining', 'KSM-030', ({ bytes }) => bytes.set('OffsetOut.Remaining', 99)],
  ])('are told apart from forged ones: %s', async (_, rule, forge) => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    stream.queue(100)
    const leading = stream.leading()
    forge(leading)
    const { ks } = stream
    expect(outcome(() => ks.KsStreamPointerAdvanceOffsets(leading, 0, 1, false))).toBe(rule)
    expect(outcome(() => ks.KsStreamPointerUnlock(leading, true))).toBe(rule)
    expect(stream.done).toEqual([])
  })

  it('may have another Context: that member is the driver’s', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    stream.queue(100)
    const clone = stream.clone(stream.leading(), null, 16)
    clone.bytes.set('Context', 0x1234n)
    expect(outcome(() => stream.ks.KsStreamPointerDelete(clone))).toBe('returned')
  })
})

describe('a routine above DISPATCH_LEVEL', () => {
  it('is refused, whichever it is', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    stream.queue(100)
    const { ks, pin } = stream
    const pointer = stream.leading()
    const calls: readonly (() => unknown)[] = [
      () => ks.KsPinGetLeadingEdgeStreamPointer(pin, LOCKED),
      () => ks.KsPinGetTrailingEdgeStreamPointer(pin, LOCKED),
      () => ks.KsPinGetFirstCloneStreamPointer(pin),
      () => ks.KsStreamPointerGetNextClone(pointer),
      () => ks.KsStreamPointerLock(pointer),
      () => ks.KsStreamPointerUnlock(pointer, false),
      () => ks.KsStreamPointerAdvance(pointer),
      () => ks.KsStreamPointerAdvanceOffsets(pointer, 0, 1, false),
      () => ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, 0, 1, false),
      () => ks.KsStreamPointerClone(pointer, null, 0, {}),
      () => ks.KsStreamPointerDelete(pointer),
      () => ks.KsStreamPointerSetStatusCode(pointer, STATUS_SUCCESS),
      () => ks.KsStreamPointerGetIrp(pointer, null, null),
      () => ks.KsStreamPointerGetMdl(pointer),
    ]
    for (const call of calls) {
      expect(outcome(() => bench.kernel.at(KIRQL.HIGH_LEVEL, call))).toBe('KSM-048')
      expect(outcome(() => bench.kernel.at(KIRQL.DISPATCH_LEVEL, call))).not.toBe('KSM-048')
    }
  })
})

describe('without memory', () => {
  it('there is no pin, no clone and no frame, and nothing stays', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    stream.queue(100)
    const leading = stream.leading()
    const mdl = bench.pages(1)
    const { pool } = bench.kernel
    const taken: bigint[] = []
    for (const size of [65536, 4096, 256, 64, 16]) {
      for (let block = pool.allocate(size); block !== undefined; block = pool.allocate(size)) taken.push(block.address)
    }
    const { ks, pin } = stream
    const blocks = pool.blocks
    expect(ks.openPin({ Flags: 0, DataFlow: 2 })).toBeNull()
    expect(ks.KsStreamPointerClone(leading, null, 0, {})).toBe(STATUS_INSUFFICIENT_RESOURCES)
    const done: number[] = []
    const irp = ks.queueFrames(pin, [{ Mdl: mdl, FrameExtent: 100 }], ({ IoStatus }) => void done.push(IoStatus.Status))
    expect([irp.IoStatus.Status, ...done]).toEqual([STATUS_INSUFFICIENT_RESOURCES, STATUS_INSUFFICIENT_RESOURCES])
    expect(pool.blocks).toBe(blocks)
    for (const address of taken) pool.free(address as typeof leading.address)
    ks.KsStreamPointerUnlock(leading, true)
    bench.free(mdl)
    stream.end()
    expect(await bench.end()).toEqual([])
  })

  it('there is no pin with one of two edges', async () => {
    await using bench = await Bench.open()
    const { pool } = bench.kernel
    const hole = pool.allocate(16 + 64)
    const taken: PoolBlock[] = []
    for (const size of [65536, 4096, 256, 64, 16]) {
      for (let block = pool.allocate(size); block !== undefined; block = pool.allocate(size)) taken.push(block)
    }
    if (hole !== undefined) pool.free(hole.address)
    const { blocks } = pool
    expect(bench.ddi.ks.openPin({ Flags: TRAILING, DataFlow: 2 })).toBeNull()
    expect(pool.blocks).toBe(blocks)
    const pin = bench.ddi.ks.openPin({ Flags: 0, DataFlow: 2 })
    expect(pin).not.toBeNull()
    if (pin !== null) bench.ddi.ks.closePin(pin)
    for (const { address } of taken) pool.free(address)
  })

  it('a lock waits for no map registers: it fails, and leaves no request behind', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 3
    registerAdapter(bench)
    const stream = new Stream(bench, { flags: MAPPINGS })
    stream.queue(2 * 4096)
    stream.queue(2 * 4096)
    const { ks } = stream
    const leading = stream.leading()
    const clone = stream.clone(leading)
    ks.KsStreamPointerUnlock(leading, true)
    expect(ks.KsStreamPointerLock(leading)).toBe(STATUS_INSUFFICIENT_RESOURCES)
    expect(leading.StreamHeader).toBeNull()
    const { entries } = bench.device.dma
    ks.KsStreamPointerDelete(clone)
    expect(bench.device.dma.entries).toBeLessThan(entries)
    expect(ks.KsStreamPointerLock(leading)).toBe(STATUS_SUCCESS)
    ks.KsStreamPointerUnlock(leading, true)
    stream.end()
    expect(bench.device.dma.entries).toBe(0)
    expect(await bench.end()).toEqual([])
  })
})

describe('a client', () => {
  it('cannot queue what has no memory, no queue, or no pin', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks, pin } = stream
    const mdl = bench.pages(1)
    const queue = (...frames: Parameters<typeof ks.queueFrames>[1]) =>
      outcome(() => ks.queueFrames(pin, frames, () => {}))
    expect(queue()).toBe('KSM-044')
    expect(queue({ Mdl: mdl, FrameExtent: 4097 })).toBe('KSM-023')
    expect(queue({ Mdl: null, FrameExtent: 1 })).toBe('KSM-023')
    expect(queue({ Mdl: mdl, FrameExtent: 1 }, { Mdl: mdl, FrameExtent: 1 })).toBe('KSM-023')
    expect(queue({ Mdl: mdl, FrameExtent: 100, DataUsed: 1 })).toBe('KSM-037')
    expect(queue({ Mdl: mdl, FrameExtent: 2 ** 32 })).toBe('range-outside')
    bench.free(mdl)
    expect(queue({ Mdl: mdl, FrameExtent: 1 })).toBe('MDL-013')
    const without = ks.openPin({ Flags: 0x8_0000, DataFlow: 2 })
    if (without === null) throw new Error('no pin')
    expect(outcome(() => ks.queueFrames(without, [{ Mdl: null, FrameExtent: 0 }], () => {}))).toBe('KSM-040')
    ks.closePin(without)
    stream.end()
    expect(queue({ Mdl: null, FrameExtent: 0 })).toBe('KSM-040')
    expect(outcome(() => ks.KsPinGetLeadingEdgeStreamPointer(pin, UNLOCKED))).toBe('KSM-040')
    expect(outcome(() => stream.ks.closePin(pin))).toBe('KSM-040')
  })

  it('may queue the next frame while one is completed', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks, pin } = stream
    const again = (left: number) => (): void => {
      if (left > 0) ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], again(left - 1))
    }
    again(3)()
    const leading = stream.leading()
    let moves = 1
    while (ks.KsStreamPointerAdvance(leading) === STATUS_SUCCESS) moves++
    expect(moves).toBe(3)
    stream.end()
  })

  it('gets its chain of MDLs back as it was', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const mdls = [bench.pages(1), bench.pages(2)] as const
    mdls[1].header.set('Next', 0x10n)
    const frames = mdls.map((Mdl) => ({ Mdl, FrameExtent: 4096 }))
    const irp = stream.ks.queueFrames(stream.pin, frames, () => {})
    expect(irp.MdlAddress).toBe(mdls[0])
    expect(mdls.map(({ header }) => header.get('Next'))).toEqual([mdls[1].address, 0n])
    expect(stream.ks.KsStreamPointerGetMdl(stream.leading())).toBe(mdls[0])
    stream.ks.KsStreamPointerUnlock(stream.leading(), true)
    stream.end()
    expect(mdls.map(({ header }) => header.get('Next'))).toEqual([0n, 0x10n])
    expect(irp.IoStatus.Status).toBe(STATUS_CANCELLED)
  })
})
