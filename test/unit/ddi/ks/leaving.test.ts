import { describe, expect, it } from '@jest/globals'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Out } from '../../../../src/ddi/constants.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import { Bench, outcome } from '../bench.ts'
import { IN, MAPPINGS, Stream, registerAdapter } from './stream.ts'

const { STATUS_CANCELLED, STATUS_DEVICE_NOT_READY } = NtStatus

const leaving: readonly (readonly [string, (ks: Ks, pointer: KsStreamPointer) => unknown])[] = [
  ['KsStreamPointerUnlock', (ks, pointer) => ks.KsStreamPointerUnlock(pointer, true)],
  ['KsStreamPointerAdvance', (ks, pointer) => ks.KsStreamPointerAdvance(pointer)],
  ['KsStreamPointerAdvanceOffsets', (ks, pointer) => ks.KsStreamPointerAdvanceOffsets(pointer, 0, 100, false)],
  [
    'KsStreamPointerAdvanceOffsetsAndUnlock',
    (ks, pointer) => ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, 0, 0, true),
  ],
  ['KsStreamPointerDelete', (ks, pointer) => ks.KsStreamPointerDelete(pointer)],
]

describe('the last reference to a frame', () => {
  it.each(leaving)('does not go by %s while DataUsed is more than the frame has', async (name, leave) => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks } = stream
    stream.queue(100)
    const leading = stream.leading()
    const clone = stream.clone(leading)
    leading.StreamHeader?.set('DataUsed', 101)
    const [first, last] = name === 'KsStreamPointerDelete' ? [leading, clone] : [clone, leading]
    if (first === clone) ks.KsStreamPointerDelete(clone)
    else ks.KsStreamPointerUnlock(leading, true)
    expect(outcome(() => leave(ks, last))).toBe('KSM-037')
    expect(stream.done).toEqual([])
    last.StreamHeader?.set('DataUsed', 100)
    if (ks.KsStreamPointerGetMdl(last) === null) ks.KsStreamPointerLock(last)
    leave(ks, last)
    expect(stream.done.map(({ headers }) => headers[0]?.DataUsed)).toEqual([100])
    stream.end()
  })
})

describe('a request that is complete', () => {
  it('has no MDL any more, and nobody finds its headers', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const irp = stream.queue(100)
    const leading = stream.leading()
    const clone = stream.clone(leading)
    stream.ks.KsStreamPointerUnlock(leading, true)
    expect([irp.MdlAddress === null, clone.StreamHeader === null]).toEqual([false, false])
    stream.ks.KsStreamPointerDelete(clone)
    expect([irp.MdlAddress, clone.StreamHeader]).toEqual([null, null])
    stream.end()
  })

  it('counts the valid bytes of a write, and positions are about no others', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench, { flow: IN })
    const mdls = [bench.pages(1), bench.pages(1)] as const
    const [first, second] = mdls
    const frames = [
      { Mdl: first, FrameExtent: 4096, DataUsed: 300 },
      { Mdl: second, FrameExtent: 4096, DataUsed: 0 },
    ]
    const irp = stream.ks.queueFrames(stream.pin, frames, () => {})
    const leading = stream.leading()
    expect(leading.OffsetIn.Count).toBe(300)
    expect(stream.ks.KsStreamPointerAdvanceOffsets(leading, 300, 0, false)).toBe(NtStatus.STATUS_SUCCESS)
    expect([leading.OffsetIn.Count, leading.OffsetIn.Remaining]).toEqual([0, 0])
    expect(stream.ks.KsStreamPointerAdvanceOffsets(leading, 0, 0, false)).toBe(STATUS_DEVICE_NOT_READY)
    expect(irp.IoStatus).toEqual({ Status: NtStatus.STATUS_SUCCESS, Information: 300 })
    stream.end()
    for (const mdl of mdls) bench.free(mdl)
  })
})

describe('a cancellation that waits for a lock', () => {
  it('is carried out when a refused KsStreamPointerAdvanceOffsetsAndUnlock unlocks', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks } = stream
    const irp = stream.queue(100)
    const leading = stream.leading()
    expect(ks.IoCancelIrp(irp)).toBe(false)
    expect(outcome(() => ks.KsStreamPointerAdvanceOffsetsAndUnlock(leading, 0, 101, false))).toBe('KSM-033')
    expect(irp.IoStatus.Status).toBe(STATUS_CANCELLED)
    stream.end()
  })

  it('is carried out when a locked clone is deleted, or leaves', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    const { ks } = stream
    const irp = stream.queue(100, 100)
    const later = stream.queue(100)
    const leading = stream.leading()
    const clones = [stream.clone(leading), stream.clone(leading)] as const
    ks.KsStreamPointerUnlock(leading, false)
    expect(ks.IoCancelIrp(irp)).toBe(false)
    ks.KsStreamPointerDelete(clones[0])
    expect(stream.done).toEqual([])
    // It is unlocked before it is on the second frame, which goes with the first.
    expect(ks.KsStreamPointerAdvance(clones[1])).toBe(STATUS_DEVICE_NOT_READY)
    expect(stream.done).toEqual([irp])
    ks.KsStreamPointerDelete(clones[1])
    expect(later.IoStatus.Status).toBe(NtStatus.STATUS_PENDING)
    stream.end()
  })
})

describe('a clone that is deleted by what its own advance completes', () => {
  it.each([
    ['KsStreamPointerAdvance', (ks: Ks, clone: KsStreamPointer) => ks.KsStreamPointerAdvance(clone)],
    [
      'KsStreamPointerAdvanceOffsets',
      (ks: Ks, clone: KsStreamPointer) => ks.KsStreamPointerAdvanceOffsets(clone, 0, 0, true),
    ],
  ])('is not locked again by %s, and its memory stays as it was left', async (_, advance) => {
    await using bench = await Bench.open()
    const { ks, pin } = new Stream(bench)
    const clones: KsStreamPointer[] = []
    const mdls = [bench.pages(1), bench.pages(1)] as const
    ks.queueFrames(pin, [{ Mdl: mdls[0], FrameExtent: 100 }], () => {
      for (const clone of clones) ks.KsStreamPointerDelete(clone)
    })
    const later = ks.queueFrames(pin, [{ Mdl: mdls[1], FrameExtent: 100 }], () => {})
    const leading = ks.KsPinGetLeadingEdgeStreamPointer(pin, 1)
    if (leading === null) throw new Error('no leading edge')
    const made: Out<KsStreamPointer> = {}
    ks.KsStreamPointerClone(leading, null, 0, made)
    if (made.value === undefined) throw new Error('no clone')
    ks.KsStreamPointerUnlock(leading, true)
    clones.push(made.value)
    expect(advance(ks, made.value)).toBe(STATUS_DEVICE_NOT_READY)
    expect(ks.IoCancelIrp(later)).toBe(true)
    ks.closePin(pin)
    for (const mdl of mdls) bench.free(mdl)
    expect(await bench.end()).toEqual([])
  })
})

describe('a frame of a sink above the reach of its device', () => {
  it('is copied to where the device can read it when it is locked', async () => {
    await using bench = await Bench.open()
    const { platform } = bench.ddi.dma
    platform.remapping = false
    registerAdapter(bench)
    const stream = new Stream(bench, { flags: MAPPINGS, flow: IN })
    const { mm, ks } = { mm: bench.ddi.mm, ks: stream.ks }
    const mdl = bench.pages(1)
    const view = mm.MmGetSystemAddressForMdlSafe(mdl, 16)
    if (view === null) throw new Error('no view')
    bench.kernel.memory.fill(view, 4096, 0x5b)
    ks.queueFrames(stream.pin, [{ Mdl: mdl, FrameExtent: 4096, DataUsed: 4096 }], () => {})
    const leading = stream.leading()
    bench.kernel.memory.fill(view, 4096, 0x11)
    stream.ks.KsStreamPointerUnlock(leading, true)
    expect(bench.kernel.memory.read(view, 1)).toEqual(Uint8Array.of(0x11))
    stream.end()
    bench.free(mdl)
  })
})
