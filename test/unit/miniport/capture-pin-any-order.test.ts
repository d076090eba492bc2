import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { NtStatus } from '../../../src/base/ntstatus.ts'
import { orderPattern } from '../../../src/memory/patterns.ts'
import { Capture, POISON, type Queued } from './client.ts'
import { GatedEngine } from './gated-engine.ts'

const { STATUS_PENDING, STATUS_SUCCESS, STATUS_CANCELLED } = NtStatus
const turns = (): Promise<void> => new Promise((done) => setImmediate(done))

const size = fc.integer({ min: 0, max: 6000 })
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('queue' as const), size }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('capture' as const), size }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('go' as const), channel: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('begin' as const), channel: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** A frame that was queued, and of what the device was given it for. */
interface Expected extends Queued {
  frame: Uint8Array | undefined
}

class Run {
  readonly capture: Capture
  readonly engine: GatedEngine
  readonly queued: Expected[] = []
  captured = 0
  /** One transfer after the other: the device below has one channel. */
  moving: Promise<void> = Promise.resolve()

  constructor(capture: Capture, engine: GatedEngine) {
    this.capture = capture
    this.engine = engine
  }

  async take(one: Step): Promise<void> {
    const { pin, bench } = this.capture
    switch (one.kind) {
      case 'queue':
        this.queued.push(Object.assign(this.capture.queue(one.size), { frame: undefined }))
        return
      case 'capture':
        return this.#capture(one.size)
      case 'go':
        await this.moving
        await this.engine.go(one.channel)
        return turns()
      case 'begin':
        await this.moving
        this.moving = this.engine.go(one.channel)
        return turns()
      case 'cancel': {
        const irp = this.queued[one.which]?.irp
        if (irp !== undefined) bench.ddi.ks.IoCancelIrp(irp)
        return turns()
      }
      case 'stop':
        await pin.stop()
        pin.start()
    }
  }

  /** The device's frame goes to the first one in the queue that it was not given yet. */
  #capture(bytes: number): void {
    const { pin } = this.capture
    const frame = orderPattern(bytes, ++this.captured)
    const next = this.queued.find((one) => one.frame === undefined && one.irp.IoStatus.Status === STATUS_PENDING)
    const free = pin.inFlight < this.engine.abilities.channels
    expect(pin.capture(frame)).toBe(free && next !== undefined)
    if (free && next !== undefined) next.frame = frame
  }

  /** Every reported byte is right; what is not was never delivered, or is of a frame that ended before. */
  check(one: Expected): void {
    const { irp, extent, frame = new Uint8Array(), completions } = one
    const used = irp.headers[0]?.DataUsed ?? -1
    expect(completions).toBe(1)
    expect([STATUS_SUCCESS, STATUS_CANCELLED]).toContain(irp.IoStatus.Status)
    const fits = Math.min(extent, frame.length)
    expect(used).toBeLessThanOrEqual(fits)
    const bytes = one.memory()
    expect(bytes.subarray(0, used)).toEqual(frame.subarray(0, used))
    const rest = bytes.subarray(used)
    const wrong = rest.findIndex((byte, at) => byte !== POISON && (used + at >= fits || byte !== frame[used + at]))
    expect(wrong).toBe(-1)
  }
}

describe('a capture pin, whatever its client and its device do', () => {
  it('completes every IRP once, reports no byte that is wrong, and leaves nothing locked or mapped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom(1, 2, 3),
        fc.constantFrom(1, 2, 64),
        async (steps, channels, listLength) => {
          let engine: GatedEngine | undefined
          await using capture = await Capture.open((edu) => (engine = new GatedEngine(edu, { channels, listLength })))
          if (engine === undefined) throw new Error('no engine')
          const run = new Run(capture, engine)
          for (const one of steps) await run.take(one)
          const idle = capture.pin.stop()
          await run.moving
          await idle
          const started = run.queued.map((one) => ({ ...one, status: one.irp.IoStatus.Status }))
          for (const { frame, status } of started) expect(status === STATUS_PENDING && frame !== undefined).toBe(false)
          expect(await capture.end(() => run.queued.forEach((one) => run.check(one)))).toEqual([])
        },
      ),
      { numRuns: 60 },
    )
  })
})
