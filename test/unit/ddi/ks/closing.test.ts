import { describe, expect, it } from '@jest/globals'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import { Bench, outcome } from '../bench.ts'
import { MAPPINGS, Stream, registerAdapter } from './stream.ts'

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
