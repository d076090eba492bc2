import { describe, expect, it } from '@jest/globals'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { KIRQL, type Out } from '../../../../src/ddi/constants.ts'
import { Bench, outcome } from '../bench.ts'
import { IN, LOCKED, MAPPINGS, Stream, TRAILING, UNLOCKED, registerAdapter } from './stream.ts'

const { STATUS_SUCCESS, STATUS_DEVICE_NOT_READY, STATUS_CANCELLED } = NtStatus

describe('the leading edge', () => {
  it('is NULL while nothing can be locked, and there as soon as a frame is', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    expect(bench.ddi.ks.KsPinGetLeadingEdgeStreamPointer(stream.pin, LOCKED)).toBeNull()
    const unlocked = stream.leading(UNLOCKED)
    expect(unlocked.StreamHeader).toBeNull()
    stream.queue(5000)
    const leading = stream.leading()
    expect(leading).toBe(unlocked)
    expect([leading.OffsetOut.Count, leading.OffsetOut.Remaining]).toEqual([5000, 5000])
    expect(leading.OffsetOut.Data).toBe(leading.StreamHeader?.get('Data'))
    expect(leading.Offset).toBe(leading.OffsetOut)
    stream.ks.KsStreamPointerUnlock(leading, false)
    stream.end()
    expect(await bench.end()).toEqual([])
  })

  it('moves inside a frame, and on at its end', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench)
    stream.queue(100)
    stream.queue(200)
    const leading = stream.leading()
    const data = leading.OffsetOut.Data
    expect(stream.ks.KsStreamPointerAdvanceOffsets(leading, 0, 60, false)).toBe(STATUS_SUCCESS)
    expect([leading.OffsetOut.Data - data, leading.OffsetOut.Count, leading.OffsetOut.Remaining]).toEqual([
      60n,
      100,
      40,
    ])
    expect(stream.ks.KsStreamPointerAdvanceOffsets(leading, 0, 40, false)).toBe(STATUS_SUCCESS)
    expect(leading.OffsetOut.Remaining).toBe(200)
    expect(stream.done).toHaveLength(1)
    expect(stream.ks.KsStreamPointerAdvanceOffsets(leading, 0, 200, false)).toBe(STATUS_DEVICE_NOT_READY)
    expect(stream.done.map(({ IoStatus }) => IoStatus)).toEqual([
      { Status: STATUS_SUCCESS, Information: 56 },
      { Status: STATUS_SUCCESS, Information: 56 },
    ])
    expect(leading.StreamHeader).toBeNull()
    stream.end()
    expect(await bench.end()).toEqual([])
  })

  it('refuses what is beyond the remainder, and what its direction has not', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench, { flow: IN })
    stream.queue(100)
    const { ks } = stream
    const leading = stream.leading()
    expect(leading.Offset).toBe(leading.OffsetIn)
    expect(outcome(() => ks.KsStreamPointerAdvanceOffsets(leading, 101, 0, false))).toBe('KSM-033')
    expect(outcome(() => ks.KsStreamPointerAdvanceOffsets(leading, 0, 1, false))).toBe('KSM-033')
    expect(leading.OffsetIn.Remaining).toBe(100)
    expect(outcome(() => ks.KsStreamPointerAdvanceOffsetsAndUnlock(leading, 101, 0, false))).toBe('KSM-033')
    expect(outcome(() => ks.KsStreamPointerUnlock(leading, false))).toBe('KSM-041')
    expect(ks.KsStreamPointerAdvanceOffsets(leading, 1, 0, false)).toBe(STATUS_DEVICE_NOT_READY)
    stream.end()
  })
})

describe('a clone', () => {
  it('keeps its frame when the edge has gone on', async () => {
    await using bench = await Bench.open()
    registerAdapter(bench, 24)
    const stream = new Stream(bench, { flags: MAPPINGS })
    stream.queue(3 * 4096)
    stream.queue(4096)
    const leading = stream.leading()
    const clone = stream.clone(leading, null, 40)
    expect(clone.Context).toBe(clone.address + 64n)
    expect(clone.contextBytes).toHaveLength(40)
    stream.ks.KsStreamPointerAdvanceOffsets(leading, 0, leading.OffsetOut.Remaining, false)
    expect(stream.done).toHaveLength(0)
    expect(leading.OffsetOut.Count).toBe(1)
    expect(stream.ks.KsStreamPointerAdvanceOffsets(clone, 0, 1, false)).toBe(STATUS_SUCCESS)
    expect(clone.OffsetOut.Remaining).toBe(clone.OffsetOut.Count - 1)
    clone.StreamHeader?.set('DataUsed', 3 * 4096)
    stream.ks.KsStreamPointerDelete(clone)
    expect(stream.done.map(({ headers }) => headers[0]?.DataUsed)).toEqual([3 * 4096])
    expect(outcome(() => stream.ks.KsStreamPointerDelete(clone))).toBe('KSM-042')
    expect(outcome(() => stream.ks.KsStreamPointerDelete(leading))).toBe('KSM-045')
    stream.ks.KsStreamPointerUnlock(leading, true)
    expect(bench.device.dma.entries).toBe(0)
    stream.end()
    expect(await bench.end()).toEqual([])
  })
})

describe('cancellation', () => {
  it('waits for the lock, calls unlocked clones and leaves them without a frame', async () => {
    await using bench = await Bench.open()
    const stream = new Stream(bench, { flags: TRAILING })
    const { ks } = stream
    const irp = stream.queue(100)
    stream.queue(200)
    const leading = stream.leading()
    const told: number[] = []
    const clone = stream.clone(leading, () => void told.push(bench.kernel.KeGetCurrentIrql()))
    const deleted = stream.clone(leading, (pointer) => ks.KsStreamPointerDelete(pointer))
    ks.KsStreamPointerUnlock(clone, false)
    ks.KsStreamPointerUnlock(deleted, false)
    expect(ks.IoCancelIrp(irp)).toBe(false)
    expect(stream.done).toEqual([])
    ks.KsStreamPointerUnlock(leading, false)
    expect(told).toEqual([KIRQL.DISPATCH_LEVEL])
    expect(irp.IoStatus.Status).toBe(STATUS_CANCELLED)
    expect(ks.KsStreamPointerLock(clone)).toBe(STATUS_DEVICE_NOT_READY)
    expect(outcome(() => ks.KsStreamPointerLock(deleted))).toBe('KSM-042')
    ks.KsStreamPointerDelete(clone)
    expect(stream.leading().OffsetOut.Count).toBe(200)
    const first: Out<boolean> = {}
    expect(ks.KsStreamPointerGetIrp(leading, first, null)).not.toBeNull()
    ks.KsStreamPointerUnlock(leading, false)
    expect(ks.KsStreamPointerGetIrp(leading, first, null)).toBeNull()
    stream.end()
    expect(stream.done.map(({ IoStatus }) => IoStatus.Status)).toEqual([STATUS_CANCELLED, STATUS_CANCELLED])
    expect(await bench.end()).toEqual([])
  })
})
