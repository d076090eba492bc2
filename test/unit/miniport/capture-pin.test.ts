import { describe, expect, it } from '@jest/globals'
import type { PoolBlock } from '../../../src/ddi/kernel/pool.ts'
import { ProbarError } from '../../../src/base/errors.ts'
import { NtStatus } from '../../../src/base/ntstatus.ts'
import type { DmaEngine } from '../../../src/engine/contract.ts'
import { orderPattern } from '../../../src/memory/patterns.ts'
import { altered } from '../../contract/cases/plants/altered.ts'
import { Capture, buffer } from './client.ts'
import { GatedEngine } from './gated-engine.ts'

const { STATUS_SUCCESS, STATUS_CANCELLED, STATUS_PENDING, STATUS_IO_TIMEOUT, STATUS_IO_DEVICE_ERROR } = NtStatus
const turns = (): Promise<void> => new Promise((done) => setImmediate(done))

/** A capture over a gated device with so many channels. */
async function gated(abilities: Partial<DmaEngine['abilities']> = {}) {
  let engine: GatedEngine | undefined
  const capture = await Capture.open((edu) => (engine = new GatedEngine(edu, abilities)))
  if (engine === undefined) throw new Error('no engine')
  return { capture, engine }
}

describe('a capture pin', () => {
  it.each([
    ['as long as the frame', 5000, 5000],
    ['shorter, so that entries stay empty', 5000, 1700],
    ['of one byte', 4097, 1],
    ['of none', 4096, 0],
    ['longer, which is cut off', 1501, 4000],
  ])('delivers what the device has: %s', async (_, extent, bytes) => {
    await using capture = await Capture.open()
    const queued = capture.queue(extent)
    const frame = orderPattern(bytes, 1)
    const arrived = Math.min(extent, bytes)
    expect(capture.pin.capture(frame)).toBe(true)
    await capture.pin.settled()
    expect(queued.irp.IoStatus.Status).toBe(STATUS_SUCCESS)
    expect(queued.irp.headers).toEqual([{ FrameExtent: extent, DataUsed: arrived, OptionsFlags: 0 }])
    expect(queued.memory()).toEqual(buffer(extent, frame, arrived))
    expect(await capture.end()).toEqual([])
  })

  it.each([
    ['than it was told', 1500, [[1500], [1500], [1096]]],
    ['than it moves, whatever it was told', 10_000, [[4095], [1]]],
  ])('hands the device one descriptor at a time, none longer %s', async (_, maxMappingsByteCount, expected) => {
    const lengths: number[][] = []
    const watched = (edu: DmaEngine): DmaEngine =>
      altered(edu, {
        write: (target, data, options) => {
          lengths.push([...target.lengths])
          return edu.write(target, data, options)
        },
      })
    await using capture = await Capture.open(watched, { maxMappingsByteCount })
    capture.queue(4096)
    capture.pin.capture(new Uint8Array(4096))
    await capture.pin.settled()
    expect(lengths).toEqual(expected)
    expect(await capture.end()).toEqual([])
  })

  it('hands a device that takes lists all of a frame at once', async () => {
    const { capture, engine } = await gated({ listLength: 64 })
    await using _ = capture
    const queued = capture.queue(9000)
    capture.pin.capture(orderPattern(8999, 2))
    expect(engine.begun).toEqual([0])
    await engine.go(0)
    await capture.pin.settled()
    expect(engine.begun).toEqual([0])
    expect(queued.memory()).toEqual(buffer(9000, orderPattern(8999, 2)))
    expect(await capture.end()).toEqual([])
  })

  it('has as many frames in flight as the device has channels, and each ends when its own does', async () => {
    const { capture, engine } = await gated({ listLength: 8 })
    await using _ = capture
    const queued = [3000, 5000, 100].map((size) => capture.queue(size))
    expect([1, 2, 3].map((salt) => capture.pin.capture(orderPattern(3000, salt)))).toEqual([true, true, false])
    expect([capture.pin.inFlight, capture.pin.dropped, engine.begun]).toEqual([2, 1, [0, 1]])
    await engine.go(1)
    await turns()
    expect(queued.map(({ completions }) => completions)).toEqual([0, 1, 0])
    await engine.go(0)
    await capture.pin.settled()
    expect(queued.map(({ irp }) => irp.headers[0]?.DataUsed)).toEqual([3000, 3000, undefined])
    expect(queued[1]?.memory()).toEqual(buffer(5000, orderPattern(3000, 2)))
    expect(await capture.end()).toEqual([])
    expect(queued.map(({ irp }) => irp.IoStatus.Status)).toEqual([STATUS_SUCCESS, STATUS_SUCCESS, STATUS_CANCELLED])
  })

  it('drops what the device has while nothing is queued, and goes on with what is queued later', async () => {
    await using capture = await Capture.open()
    expect(capture.pin.capture(orderPattern(10, 1))).toBe(false)
    const queued = capture.queue(100)
    expect(capture.pin.capture(orderPattern(10, 2))).toBe(true)
    await capture.pin.settled()
    expect([capture.pin.dropped, queued.irp.headers[0]?.DataUsed]).toEqual([1, 10])
    expect(queued.memory()).toEqual(buffer(100, orderPattern(10, 2)))
    expect(await capture.end()).toEqual([])
  })

  it('drops what it cannot clone a frame for, and leaves that to its client', async () => {
    await using capture = await Capture.open()
    const { pin, bench } = capture
    const { ks } = bench.ddi
    const queued = capture.queue(64)
    // Its table is there then, so that only the clone wants memory.
    const leading = ks.KsPinGetLeadingEdgeStreamPointer(pin.pin, 1)
    if (leading === null) throw new Error('no leading edge')
    ks.KsStreamPointerUnlock(leading, false)
    const { pool } = bench.kernel
    const taken: PoolBlock[] = []
    for (const size of [65536, 4096, 256, 64, 16]) {
      for (let block = pool.allocate(size); block !== undefined; block = pool.allocate(size)) taken.push(block)
    }
    expect([pin.capture(new Uint8Array(64)), pin.dropped, pin.inFlight]).toEqual([false, 1, 0])
    expect(ks.IoCancelIrp(queued.irp)).toBe(true)
    for (const { address } of taken) pool.free(address)
  })

  it('carries a source to its end: frames wait in the queue for a device that is slow', async () => {
    await using capture = await Capture.open()
    const sizes = [700, 1501, 1, 900]
    const queued = sizes.map((size) => capture.queue(size))
    let number = 0
    const next = (): Uint8Array | undefined => {
      const size = sizes[number++]
      return size === undefined ? undefined : orderPattern(size, number)
    }
    await capture.pin.run({ next })
    expect(queued.map(({ irp }) => irp.headers[0]?.DataUsed)).toEqual(sizes)
    expect(capture.pin.dropped).toBe(0)
    expect(await capture.end()).toEqual([])
  })

  it('lets the client have the device begin the next frame while the one before is completed', async () => {
    await using capture = await Capture.open()
    const first = capture.queue(64, () => void capture.pin.capture(orderPattern(64, 2)))
    const second = capture.queue(64)
    capture.pin.capture(orderPattern(64, 1))
    await capture.pin.settled()
    expect([first.completions, second.completions, capture.pin.dropped]).toEqual([1, 1, 0])
    expect(second.memory()).toEqual(buffer(64, orderPattern(64, 2)))
    expect(await capture.end()).toEqual([])
  })

  it('refuses to capture while it is stopped, and a device that moves multiples only', async () => {
    await using capture = await Capture.open()
    await capture.pin.stop()
    expect(() => capture.pin.capture(new Uint8Array(1))).toThrow(/start it/)
    capture.pin.start()
    expect(capture.pin.capture(new Uint8Array(1))).toBe(false)
    expect(await capture.end()).toEqual([])
    expect(() => capture.pin.start()).toThrow(/closed/)
    const coarse = Capture.open((edu) => altered(edu, { abilities: { ...edu.abilities, alignment: 512 } }))
    await expect(coarse).rejects.toThrow(/multiples of 512 bytes only/)
  })
})

describe('a frame that is cancelled', () => {
  it('is its client’s again only when the device is at rest', async () => {
    let atRest: boolean | undefined
    const { capture, engine } = await gated()
    await using _ = capture
    const queued = capture.queue(4000, () => (atRest = engine.idle(0)))
    capture.pin.capture(orderPattern(4000, 1))
    await engine.go(0)
    await turns()
    const moving = engine.go(0)
    await turns()
    expect(engine.idle(0)).toBe(false)
    expect(capture.bench.ddi.ks.IoCancelIrp(queued.irp)).toBe(true)
    expect([atRest, queued.irp.IoStatus.Status]).toEqual([true, STATUS_CANCELLED])
    expect(queued.irp.headers[0]?.DataUsed).toBe(1500)
    await moving
    await capture.pin.settled()
    expect(capture.pin.inFlight).toBe(0)
    expect(await capture.end()).toEqual([])
    expect(queued.completions).toBe(1)
  })

  it('leaves the other channel and the frames behind it alone', async () => {
    const { capture, engine } = await gated({ listLength: 8 })
    await using _ = capture
    const [first, second, third] = [200, 300, 400].map((size) => capture.queue(size))
    for (const salt of [1, 2]) capture.pin.capture(orderPattern(200, salt))
    if (first !== undefined) capture.bench.ddi.ks.IoCancelIrp(first.irp)
    await turns()
    capture.pin.capture(orderPattern(200, 3))
    await engine.go(1)
    await engine.go(0)
    await capture.pin.settled()
    expect(second?.memory()).toEqual(buffer(300, orderPattern(200, 2)))
    expect(third?.memory()).toEqual(buffer(400, orderPattern(200, 3)))
    expect(first?.memory()).toEqual(buffer(200, new Uint8Array()))
    expect(await capture.end()).toEqual([])
  })
})

describe('between the end of a transfer and its report', () => {
  /** Does something as soon as the device has done the first transfer, before its driver knows. */
  async function afterFirst(act: (capture: Capture) => void) {
    const bytes: number[] = []
    const capture = await Capture.open((edu) =>
      altered(edu, {
        write: async (target, data, options) => {
          await edu.write(target, data, options)
          if (bytes.push(data.length) === 1) act(capture)
        },
      }),
    )
    const queued = capture.queue(4000)
    capture.pin.capture(orderPattern(4000, 1))
    await capture.pin.settled()
    return { capture, queued, bytes }
  }

  it('a cancellation takes the frame away: nothing is reported of it', async () => {
    const { capture, queued, bytes } = await afterFirst(({ bench, pin }) => {
      const first = bench.ddi.ks.KsPinGetFirstCloneStreamPointer(pin.pin)
      expect(first?.StreamHeader?.get('DataUsed')).toBe(0)
      bench.ddi.ks.closePin(pin.pin)
    })
    await using _ = capture
    expect([bytes, queued.irp.IoStatus.Status]).toEqual([[1500], STATUS_CANCELLED])
    expect(queued.irp.headers[0]?.DataUsed).toBe(0)
  })

  it('a stop keeps the device from beginning the next one', async () => {
    const { capture, queued, bytes } = await afterFirst(({ pin }) => void pin.stop())
    await using _ = capture
    expect([bytes, queued.irp.headers[0]?.DataUsed]).toEqual([[1500], 1500])
    expect(await capture.end()).toEqual([])
  })
})

describe('a pin that is stopped', () => {
  it('completes what is in flight with what was reported, and keeps the rest in the queue', async () => {
    const { capture, engine } = await gated()
    await using _ = capture
    const queued = [4000, 4000, 4000].map((size) => capture.queue(size))
    for (const salt of [1, 2]) capture.pin.capture(orderPattern(4000, salt))
    await engine.go(0)
    await turns()
    await capture.pin.stop()
    expect(queued.map(({ irp }) => irp.IoStatus.Status)).toEqual([STATUS_SUCCESS, STATUS_SUCCESS, STATUS_PENDING])
    expect(queued.map(({ irp }) => irp.headers[0]?.DataUsed)).toEqual([1500, 0, undefined])
    capture.pin.start()
    capture.pin.capture(orderPattern(10, 3))
    await engine.go(0)
    await capture.pin.settled()
    expect(queued[2]?.irp.headers[0]?.DataUsed).toBe(10)
    expect(await capture.end()).toEqual([])
  })
})

describe('a device that fails', () => {
  it.each([
    ['timeout', STATUS_IO_TIMEOUT],
    ['device-gone', STATUS_IO_DEVICE_ERROR],
    ['cancelled', STATUS_CANCELLED],
  ] as const)('completes the frame with a status of its own: %s', async (code, status) => {
    const { capture, engine } = await gated()
    await using _ = capture
    const queued = capture.queue(3000)
    capture.pin.capture(orderPattern(3000, 1))
    await engine.go(0)
    await turns()
    const error = new ProbarError(code, 'no more')
    engine.fail(0, error)
    await expect(capture.pin.settled()).rejects.toBe(error)
    expect([queued.irp.IoStatus.Status, queued.irp.headers[0]?.DataUsed]).toEqual([status, 1500])
    expect([engine.busy, capture.pin.inFlight]).toEqual([[], 0])
    expect(await capture.end()).toEqual([])
  })

  it('and does not come to rest keeps the frame, and nobody else gets the channel', async () => {
    const { capture, engine } = await gated({ channels: 1 })
    await using _ = capture
    const restless = new ProbarError('timeout', 'it goes on')
    const abort = (): Promise<void> => {
      engine.fail(0, new ProbarError('cancelled', 'aborted'))
      return Promise.reject(restless)
    }
    Object.assign(engine, { idle: () => false, abort })
    const queued = capture.queue(3000)
    capture.pin.capture(orderPattern(3000, 1))
    await expect(capture.pin.stop()).rejects.toBe(restless)
    expect([queued.irp.IoStatus.Status, capture.pin.inFlight]).toEqual([STATUS_PENDING, 1])
    capture.pin.start()
    await expect(capture.pin.run({ next: () => new Uint8Array(1) })).rejects.toThrow(/reset it/)
  })
})
