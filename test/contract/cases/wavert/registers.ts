import { KSSTATE } from '../../../../src/ddi/portcls/interfaces.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes } from '../plants/broken-ddi.ts'
import { cyclicStreams, pins, streams } from '../plants/broken-audio.ts'
import { views } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

/** What GetPositionRegister or GetClockRegister wrote is changed at this byte. */
const wrong = (method: 'GetPositionRegister' | 'GetClockRegister', at: number, value: number) =>
  streams((stream, _port, kernel) => ({
    [method](into: Parameters<typeof stream.GetPositionRegister>[0]) {
      const status = stream[method](into)
      new Bytes(kernel, into.address).set32(at, value)
      return status
    },
  }))

/** In PAUSE every load but the first gives one less. */
function movesInPause(): Plant {
  let loads: number | undefined
  return {
    ...views((view) => ({
      read32(offset) {
        const value = view.read32(offset)
        return loads !== undefined && loads++ > 0 ? value - 1 : value
      },
    })),
    ...pins((pin) => ({
      setState(state) {
        if (pin.state === KSSTATE.KSSTATE_RUN) loads = 0
        return pin.setState(state)
      },
    })),
  }
}

/** Defects for the cases of registers and latency. */
export const registerDefects: Defects = {
  'wavert/position-register': [
    fault('position-stuck', 'the register wraps'),
    fault('position-unwrapped', 'the register reads'),
    fault('stream-runs-early', 'the register in STOP'),
    fault('stream-runs-on', 'sg did not come to rest'),
    planted('it has 16 bits', 'the register has 16 bits', wrong('GetPositionRegister', 8, 16)),
    planted('its accuracy is the buffer', 'Accuracy is', wrong('GetPositionRegister', 32, 1 << 20)),
    planted(
      'GetPosition is a page ahead',
      'GetPosition gives',
      cyclicStreams((stream) => ({ position: () => (stream.position() + 4096) % stream.size })),
    ),
    planted(
      'the device has none after all',
      'GetPositionRegister: expected 0',
      streams(() => ({ GetPositionRegister: () => 0xc000_0001 })),
    ),
    planted(
      'there is none, and an output',
      'the register of a device that has none',
      pins((pin) => ({
        positionRegister(out) {
          pin.positionRegister(out)
          return 0xc000_00bb
        },
      })),
    ),
    planted('it moves once more after the pause', 'the register in PAUSE', movesInPause()),
  ],
  'wavert/register-once-a-pin': [
    planted(
      'the first request fails',
      'the first request',
      streams(() => ({ GetPositionRegister: () => 0xc000_0001 })),
    ),
    planted(
      'it is given twice',
      'the second request fails',
      pins((pin) => {
        let status: number | undefined
        return { positionRegister: (out) => (status === undefined ? (status = pin.positionRegister(out)) : 0) }
      }),
    ),
    planted(
      'the second request sets its output',
      'the output of the second request',
      pins((pin) => {
        let given: Parameters<typeof pin.positionRegister>[0]['value']
        return {
          positionRegister(out) {
            if (given !== undefined) out.value = given
            const status = pin.positionRegister(out)
            given ??= out.value
            return status
          },
        }
      }),
    ),
    planted(
      'it reads as something else',
      'the register after the second request',
      views(() => ({ read32: () => 0x7fff_ffff })),
    ),
    planted(
      'the mapping outlives the pin',
      'the register once the pin is closed',
      streams(() => ({ Release: () => 0 })),
    ),
    planted(
      'there is none, and an output',
      'the register of a device that has none',
      pins((pin) => ({
        positionRegister(out) {
          pin.positionRegister(out)
          return 0xc000_00bb
        },
      })),
    ),
  ],
  'wavert/clock-register': [
    fault('clock-stuck', '0 ticks are'),
    planted('its frequency is another', 'ticks are', wrong('GetClockRegister', 16, 7_000)),
    planted('it has 16 bits', 'the register has 16 bits', wrong('GetClockRegister', 8, 16)),
    planted('its frequency has no denominator', 'Numerator and Denominator', wrong('GetClockRegister', 24, 0)),
    planted(
      'it fails',
      'GetClockRegister: expected 0',
      streams(() => ({ GetClockRegister: () => 0xc000_0001 })),
    ),
    planted(
      'there is none, and an output',
      'the clock of a device that has none',
      pins((pin) => ({
        clockRegister(out) {
          pin.clockRegister(out)
          return 0xc000_00bb
        },
      })),
    ),
    planted(
      'it counts down',
      'ticks are',
      views((view) => ({ read64: (offset) => 0xffff_ffff_0000_0000n - view.read64(offset) })),
    ),
  ],
  'wavert/latency': [
    planted(
      'the FIFO is larger than the buffer',
      'FifoSize is',
      cyclicStreams((stream) => ({ latency: { ...stream.latency, fifoSize: 1 << 20 } })),
    ),
    planted(
      'the delay is told in nanoseconds',
      'units of 100 ns',
      cyclicStreams((stream) => ({ latency: { ...stream.latency, codecDelay: 100_000_000 } })),
    ),
    fault('position-stuck', 'the position moves'),
  ],
}
