import { describe, expect, it } from '@jest/globals'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import { Bench, outcome } from '../bench.ts'
import { MAPPINGS, Stream, UNLOCKED, registerAdapter } from './stream.ts'

const { STATUS_CANCELLED } = NtStatus

describe('closing a pin', () => {
  it('cancels what is in flight, tells unlocked clones, and writes down what is held', async () => {
    await using bench = await Bench.open()
    registerAdapter(bench)
    const stream = new Stream(bench, { flags: MAPPINGS })
    const { ks } = stream
    stream.queue(4096)
    stream.queue(4096, 4096)
    const leading = stream.leading()
    const told: string[] = []
    const unlocked = stream.clone(leading, (pointer) => {
      told.push('unlocked')
      ks.KsStreamPointerDelete(pointer)
    })
    ks.KsStreamPointerUnlock(unlocked, false)
    stream.clone(leading, () => void told.push('locked'))
    ks.KsStreamPointerAdvance(leading)
    const before = bench.kernel.ledger.entries.length
    stream.end()
    expect(told).toEqual(['unlocked', 'locked'])
    expect(bench.kernel.ledger.entries.slice(before).map(({ rule }) => rule)).toEqual(['KSM-041', 'KSM-041', 'KSM-042'])
    expect(stream.done.map(({ IoStatus }) => IoStatus.Status)).toEqual([STATUS_CANCELLED, STATUS_CANCELLED])
    expect(bench.device.dma.entries).toBe(0)
    expect(await bench.end()).toEqual([])
  })

  it('takes no frame from a client that answers a cancellation with another request', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks, pin } = stream
    const tries: string[] = []
    const again = (): void =>
      void tries.push(outcome(() => ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], again)))
    ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], again)
    stream.end()
    expect(tries).toEqual(['KSM-040'])
  })

  it('is not closed a second time by a client that answers a cancellation by closing it', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks, pin } = stream
    const before = bench.kernel.pool.blocks
    const tries: string[] = []
    ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], () => void tries.push(outcome(() => ks.closePin(pin))))
    expect(outcome(() => stream.end())).toBe('returned')
    expect(tries).toEqual(['KSM-040'])
    expect(bench.kernel.pool.blocks).toBe(before - 2)
  })

  it('is for PASSIVE_LEVEL', async () => {
    await using bench = await Bench.open()
    const { pin, ks } = new Stream(bench)
    expect(outcome(() => bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => ks.closePin(pin)))).toBe('KSM-040')
  })
})

describe('the end of a Windows', () => {
  it('takes pins, pointers, IRPs and tables back, and calls nobody', async () => {
    await using bench = await Bench.open()
    registerAdapter(bench)
    const stream = new Stream(bench, { flags: MAPPINGS })
    const told: string[] = []
    stream.queue(3 * 4096)
    stream.queue(100)
    const clone = stream.clone(stream.leading(), () => void told.push('clone'), 100)
    stream.ks.KsStreamPointerUnlock(clone, false)
    const rules = await bench.end()
    expect(rules).toEqual(['KSM-040', 'KSM-041', 'KSM-042', 'MDL-123', 'MDL-123'])
    expect([told, stream.done]).toEqual([[], []])
    expect(bench.inUse.slice(0, 3)).toEqual([0, 0, 0])
  })

  it('has nothing to say of a pin that was closed', async () => {
    await using bench = await Bench.open()
    new Stream(bench, { flags: 0x200 }).end()
    expect(await bench.end()).toEqual([])
  })
})

describe('a cancel callback that fails', () => {
  it('keeps nobody from being told, and the IRP from nothing', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks } = stream
    const irp = stream.queue(100)
    const leading = stream.leading()
    let told = 0
    const clones = [() => ks.KsStreamPointerLock(leading), () => told++].map((act) =>
      stream.clone(leading, () => void act()),
    )
    for (const pointer of [...clones, leading]) ks.KsStreamPointerUnlock(pointer, false)
    expect(outcome(() => ks.IoCancelIrp(irp))).toBe('KSM-046')
    expect([told, irp.IoStatus.Status, stream.done.length]).toEqual([1, STATUS_CANCELLED, 1])
    for (const clone of clones) ks.KsStreamPointerDelete(clone)
    stream.end()
  })
})

describe('a cancel callback', () => {
  it('can neither queue a frame nor cancel another request: the queue is locked', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks, pin } = stream
    const irp = stream.queue(100)
    const tries: string[] = []
    const clone = stream.clone(stream.leading(UNLOCKED), (pointer) => {
      tries.push(outcome(() => ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], () => {})))
      tries.push(outcome(() => ks.IoCancelIrp(other)))
      ks.KsStreamPointerDelete(pointer)
    })
    const other = stream.queue(100)
    expect(ks.KsStreamPointerGetIrp(clone, null, null)).toBeNull()
    expect(ks.IoCancelIrp(irp)).toBe(true)
    expect(tries).toEqual(['KSM-046', 'KSM-046'])
    expect(other.IoStatus.Status).toBe(NtStatus.STATUS_PENDING)
    stream.end()
    expect(stream.done).toHaveLength(2)
  })
})

describe('a cancel callback that deletes clones of other frames', () => {
  it('completes those, and may not leave more DataUsed there than the frame has', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks } = stream
    const irp = stream.queue(100)
    stream.queue(200)
    stream.queue(300)
    const leading = stream.leading()
    const others: KsStreamPointer[] = []
    const tries: string[] = []
    const first = stream.clone(leading, (pointer) => {
      pointer.StreamHeader?.set('DataUsed', 101)
      // It has no result to be checked.
      tries.push(outcome(() => ks.KsStreamPointerDelete(pointer)))
      for (const other of others) tries.push(outcome(() => ks.KsStreamPointerDelete(other)))
    })
    ks.KsStreamPointerUnlock(first, false)
    for (const used of [201, 300]) {
      ks.KsStreamPointerAdvance(leading)
      const other = stream.clone(leading)
      other.StreamHeader?.set('DataUsed', used)
      others.push(other)
    }
    expect(ks.KsStreamPointerAdvance(leading)).toBe(NtStatus.STATUS_DEVICE_NOT_READY)
    expect(ks.IoCancelIrp(irp)).toBe(true)
    expect(tries).toEqual(['returned', 'KSM-037', 'returned'])
    expect(stream.done.map(({ IoStatus, headers }) => [IoStatus.Status, headers[0]?.DataUsed])).toEqual([
      [STATUS_CANCELLED, 101],
      [NtStatus.STATUS_SUCCESS, 300],
    ])
    stream.end()
  })
})

describe('a cancel callback that deletes another clone of its frame', () => {
  it('keeps that one from being told', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks } = stream
    const irp = stream.queue(100)
    const leading = stream.leading()
    const told: string[] = []
    const clones: KsStreamPointer[] = []
    for (const name of ['first', 'second']) {
      const clone = stream.clone(leading, () => {
        told.push(name)
        for (const one of clones) ks.KsStreamPointerDelete(one)
      })
      clones.push(clone)
    }
    for (const pointer of [...clones, leading]) ks.KsStreamPointerUnlock(pointer, false)
    expect(outcome(() => ks.IoCancelIrp(irp))).toBe('returned')
    expect(told).toEqual(['first'])
    expect(ks.KsPinGetFirstCloneStreamPointer(stream.pin)).toBeNull()
    stream.end()
  })
})

describe('a cancellation that lost its last lock', () => {
  it('waits again when a completion routine locks the frame before', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks, pin } = stream
    const first = ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], () => void stream.leading())
    const second = stream.queue(100)
    const leading = stream.leading()
    const clones: KsStreamPointer[] = []
    const clone = stream.clone(leading, () => {
      for (const one of clones) ks.KsStreamPointerDelete(one)
    })
    ks.KsStreamPointerUnlock(clone, false)
    ks.KsStreamPointerAdvance(leading)
    clones.push(clone, stream.clone(leading))
    ks.KsStreamPointerUnlock(leading, false)
    expect(ks.IoCancelIrp(second)).toBe(false)
    expect(ks.IoCancelIrp(first)).toBe(true)
    expect(second.IoStatus.Status).toBe(NtStatus.STATUS_PENDING)
    expect(leading.OffsetOut.Count).toBe(100)
    ks.KsStreamPointerUnlock(leading, false)
    expect(second.IoStatus.Status).toBe(STATUS_CANCELLED)
    stream.end()
  })
})

describe('a client that frees the memory of a request in flight', () => {
  it('is written down, and nothing is written where the MDLs were', async () => {
    await using bench = await Bench.open()
    const { ks, pin } = new Stream(bench)
    const mdls = [bench.pages(1), bench.pages(1)] as const
    const frames = mdls.map((Mdl) => ({ Mdl, FrameExtent: 10 }))
    ks.queueFrames(pin, frames, () => {})
    for (const mdl of mdls) bench.free(mdl)
    const { pool } = bench.kernel
    const blocks = Array.from({ length: 64 }, () => pool.allocate(16))
    for (const block of blocks) block?.data.setBigUint64(0, 0x5a5an, true)
    ks.closePin(pin)
    expect(blocks.map((block) => block?.data.getBigUint64(0, true))).toEqual(blocks.map(() => 0x5a5an))
    expect(bench.kernel.ledger.entries.map(({ rule }) => rule)).toEqual(['KSM-044'])
    for (const block of blocks) if (block !== undefined) pool.free(block.address)
  })
})

describe('an adapter under a frame', () => {
  it('cannot be put back', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const description = bench.description()
    bench.ddi.ks.RegisterAdapterObjectEx(adapter, description, 1, 4096, 16)
    const stream = new Stream(bench, { flags: MAPPINGS })
    stream.queue(4096)
    const leading = stream.leading()
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0xa')
    stream.ks.KsStreamPointerUnlock(leading, true)
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('returned')
  })
})
