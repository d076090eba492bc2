import { describe, expect, it } from '@jest/globals'
import type { DmaEngine } from '../../../src/engine/contract.ts'
import { CapturePin } from '../../../src/miniport/capture/capture-pin.ts'
import type { CaptureParts } from '../../../src/miniport/capture/parts.ts'
import { captureCases } from '../../../src/suite/cases/ks/capture.ts'
import type { OpenCapture } from '../../../src/suite/cases/parts/capture.ts'
import { Segments } from '../../../src/device/segments.ts'
import { altered } from './plants/altered.ts'
import { attempt } from './plants/attempt.ts'

/** What the cases say of drivers that are wrong: here the driver has the defect, and AVStream and the device have none. */

/** The driver, seeing the engine otherwise than it is. */
const seeing =
  (alter: (engine: DmaEngine) => Partial<DmaEngine>): OpenCapture =>
  (parts) =>
    CapturePin.open({ ...parts, engine: altered(parts.engine, alter(parts.engine)) })

/** The driver, calling AVStream otherwise than it should. */
const calling =
  (alter: (ks: CaptureParts['ddi']['ks']) => Partial<CaptureParts['ddi']['ks']>): OpenCapture =>
  (parts) => {
    const { ks, dma } = parts.ddi
    return CapturePin.open({ ...parts, ddi: { dma, ks: altered(ks, alter(ks)) } })
  }

const drivers: Readonly<Record<string, readonly [open: OpenCapture, caught: readonly string[], ref?: string]>> = {
  'does not ask the device before it gives a frame back': [
    seeing(() => ({ idle: () => true })),
    ['ks/capture-cancelled-frame-is-left-by-the-device'],
  ],
  'keeps short entries to itself': [
    seeing((engine) => ({
      write: async (target, data, options) => {
        const { length } = target.at(target.count - 1)
        if (length > 64) await engine.write(target, data, options)
      },
    })),
    ['ks/capture-fills-frames-in-order', 'ks/capture-drops-what-finds-no-frame'],
  ],
  'hands over the first entry again and again': [
    ((): OpenCapture => {
      let first: bigint | undefined
      return seeing((engine) => ({
        write: (target, data, options) => {
          first ??= target.at(0).bus
          const { length } = target.at(0)
          return engine.write(new Segments(BigUint64Array.of(first), Float64Array.of(length)), data, options)
        },
      }))
    })(),
    ['ks/capture-fills-frames-in-order'],
  ],
  'counts entries where bytes are asked for': [
    calling((ks) => ({
      KsStreamPointerDelete: (clone) => {
        clone.StreamHeader?.set('DataUsed', clone.OffsetOut.Count - clone.OffsetOut.Remaining)
        ks.KsStreamPointerDelete(clone)
      },
    })),
    ['ks/capture-fills-frames-in-order', 'ks/capture-leaves-the-tail-alone', 'ks/capture-stops-with-frames-in-flight'],
  ],
  'sends the leading edge over two frames': [
    calling((ks) => ({
      KsStreamPointerUnlock: (pointer, eject) => {
        ks.KsStreamPointerUnlock(pointer, eject)
        if (eject) ks.KsStreamPointerAdvance(pointer)
      },
    })),
    ['ks/capture-fills-frames-in-order', 'ks/capture-drops-what-finds-no-frame'],
  ],
  'has no cancel callback': [
    calling((ks) => ({
      KsStreamPointerClone: (source, _cancel, ...rest) => ks.KsStreamPointerClone(source, null, ...rest),
    })),
    ['ks/capture-cancelled-frame-is-left-by-the-device'],
  ],
  'hands over one entry at a time to a device that takes lists': [
    seeing(({ abilities }) => ({ abilities: { ...abilities, listLength: 1 } })),
    ['ks/capture-hands-over-whole-tables'],
    'loopback:sg',
  ],
  'stops one channel when it is to stop another': [
    seeing((engine) => ({ abort: (channel = 0, options) => engine.abort(1 - channel, options), idle: () => true })),
    ['ks/capture-fills-frames-side-by-side'],
    'loopback:sg',
  ],
}

describe('a driver that', () => {
  it.each(Object.entries(drivers))('%s is caught', async (_, [open, caught, ref = 'loopback:edu']) => {
    const { cases } = await attempt({ ref, cases: captureCases(open) })
    const held = cases.filter(({ verdict }) => verdict === 'pass' || verdict === 'skip').map(({ id }) => id)
    expect(caught.filter((id) => held.includes(id))).toEqual([])
  })
})
