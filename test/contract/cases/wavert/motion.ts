import { KSSTATE } from '../../../../src/ddi/portcls/interfaces.ts'
import type { CyclicStream } from '../../../../src/engine/cyclic.ts'
import { cyclic, cyclicStreams, pins, streams } from '../plants/broken-audio.ts'
import { altered } from '../plants/altered.ts'
import { views } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

const { KSSTATE_STOP, KSSTATE_ACQUIRE, KSSTATE_PAUSE } = KSSTATE

/** The stream that was opened last: between a miniport and its engine. */
let last: CyclicStream | undefined
const keeping = cyclic((engine) => ({
  async open(buffer, options) {
    last = await engine.open(buffer, options)
    return altered(last, {})
  },
}))

/** The device is set in motion already when the miniport comes to this state. */
const runsIn = (early: KSSTATE) =>
  streams((miniport) => ({
    async SetState(state) {
      const status = await miniport.SetState(state)
      if (state === early) await last?.run()
      return status
    },
  }))

/** The position, as it is reported from the second reading on. */
const positions = (report: (at: number, reading: number, size: number) => number) =>
  pins((pin) => {
    let reading = 0
    return {
      position() {
        const { PlayOffset, WriteOffset } = pin.position()
        const shown = report(PlayOffset, reading++, pin.buffer?.actualSize ?? 1)
        return { PlayOffset: shown, WriteOffset: Math.min(WriteOffset, shown) }
      },
    }
  })

/** Defects for the cases of states and positions. */
export const motionDefects: Defects = {
  'wavert/no-motion-outside-run': [
    fault('stream-runs-early', 'in STOP, before any motion'),
    fault('stream-runs-on', 'sg did not come to rest'),
    planted('it goes on in PAUSE', 'in PAUSE, after RUN', {
      ...keeping,
      ...streams((miniport) => {
        let ran = false
        return {
          async SetState(state) {
            const status = await miniport.SetState(state)
            if (state === KSSTATE_PAUSE && ran) await last?.run()
            if (state === KSSTATE.KSSTATE_RUN) ran = true
            return status
          },
        }
      }),
    }),
    fault('position-stuck', 'the position moves in RUN'),
    fault('dma-writes-lost', 'the buffer changes in RUN'),
    planted('it runs in ACQUIRE', 'in ACQUIRE, before any motion', { ...keeping, ...runsIn(KSSTATE_ACQUIRE) }),
    planted('it runs in PAUSE', 'in PAUSE, before any motion', { ...keeping, ...runsIn(KSSTATE_PAUSE) }),
    planted('it goes on in ACQUIRE', 'in ACQUIRE, after RUN', {
      ...keeping,
      ...streams((miniport) => {
        let ran = false
        return {
          async SetState(state) {
            const status = await miniport.SetState(state)
            if (state === KSSTATE.KSSTATE_RUN) ran = true
            if (state === KSSTATE_ACQUIRE && ran) await last?.run()
            return status
          },
        }
      }),
    }),
    planted('it goes on in STOP', 'in STOP, after RUN', {
      ...keeping,
      ...streams((miniport) => ({
        async SetState(state) {
          const status = await miniport.SetState(state)
          if (state === KSSTATE_STOP) await last?.run()
          return status
        },
      })),
    }),
    planted(
      'a new stream is in ACQUIRE',
      'the state of a new stream',
      pins((pin) => {
        let told: KSSTATE = KSSTATE_ACQUIRE
        return {
          get state() {
            return told
          },
          async setState(state) {
            const status = await pin.setState(state)
            told = pin.state
            return status
          },
        }
      }),
    ),
    planted(
      'the buffer is written when it is opened',
      'the buffer in PAUSE, before any motion',
      pins((pin, kernel) => ({
        async setState(state) {
          const status = await pin.setState(state)
          const address = pin.buffer?.description.get('BufferAddress')
          if (address !== undefined && state === KSSTATE_PAUSE) {
            kernel.memory.write(address as Parameters<typeof kernel.memory.write>[0], Uint8Array.of(0))
          }
          return status
        },
      })),
    ),
    planted(
      'it goes on writing what it had written in PAUSE',
      'the buffer in PAUSE, after RUN',
      pins((pin, kernel) => {
        let ran = false
        return {
          setState(state) {
            ran ||= state === KSSTATE.KSSTATE_RUN
            return pin.setState(state)
          },
          position() {
            const address = pin.buffer?.description.get('BufferAddress')
            // Counters and silence both begin with 0.
            if (address !== undefined && ran && pin.state === KSSTATE_PAUSE) {
              kernel.memory.write(address as Parameters<typeof kernel.memory.write>[0], Uint8Array.of(0))
            }
            return pin.position()
          },
        }
      }),
    ),
    planted(
      'a step fails',
      'SetState 2',
      streams((miniport) => ({
        SetState: (state) => (state === KSSTATE_PAUSE ? 0xc000_0001 : miniport.SetState(state)),
      })),
    ),
  ],
  'wavert/states-are-stepped-through': [
    fault('position-stuck', 'the position moves, turn 1'),
    planted(
      'a skip is taken',
      'from STOP to 2, turn 1',
      pins((pin) => ({
        async setState(state) {
          while (pin.state !== state) await pin.setState((pin.state + Math.sign(state - pin.state)) as KSSTATE)
          return 0
        },
      })),
    ),
    planted(
      'a skip is refused too late',
      'the state after refused steps',
      pins((pin) => {
        let told: KSSTATE = KSSTATE_STOP
        return {
          get state() {
            return told
          },
          async setState(state) {
            if (Math.abs(state - told) > 1) told = state
            return pin.setState(state)
          },
        }
      }),
    ),
    planted('a refused step sets it in motion', 'in STOP, after refused steps', {
      ...keeping,
      ...pins((pin) => ({
        async setState(state) {
          if (state - pin.state === 3) await last?.run()
          return pin.setState(state)
        },
      })),
    }),
    planted(
      'it runs once only',
      'the position moves, turn 2',
      cyclicStreams((stream) => {
        let ran = false
        return {
          run: () => {
            const first = !ran
            ran = true
            return first ? stream.run() : Promise.resolve()
          },
        }
      }),
    ),
  ],
  'wavert/position-goes-round': [
    fault('position-stuck', 'the position wraps twice'),
    fault('position-unwrapped', 'GetPosition (WRT-036)'),
    planted(
      'it is at the size before it wraps',
      'in a buffer of',
      positions((at, reading, size) => (reading > 5 ? size : at)),
    ),
    planted(
      'it goes back now and then',
      'the position went back to',
      positions((at, reading) => (reading % 7 === 6 ? Math.max(0, at - 1000) : at)),
    ),
    planted(
      'it wraps before the end',
      'before it wrapped the position came to',
      positions((at) => Math.floor((at * 5) / 8)),
    ),
    planted(
      'it is not there at DISPATCH_LEVEL',
      'GetPosition',
      streams((miniport, _port, kernel) => ({
        GetPosition: (into) => (kernel.KeGetCurrentIrql() > 0 ? 0xc000_0001 : miniport.GetPosition(into)),
      })),
    ),
  ],
  'wavert/recorded-as-far-as-the-position': [
    fault('position-ahead', 'bytes were overwritten at'),
    fault('dma-writes-lost', 'bytes were overwritten at 1'),
    fault('dma-swaps-bytes', 'what was recorded'),
    fault('stream-shifts-by-one', 'bytes were overwritten at'),
    fault('stream-stays-in-first-segment', 'bytes were overwritten at'),
    fault('position-stuck', 'the position was seen in the first turn'),
    planted(
      'it does not run',
      'the device records half of the buffer',
      cyclicStreams(() => ({ run: () => Promise.resolve() })),
    ),
    planted(
      'the register lags by a page',
      'of the register',
      views((view) => ({ read32: (offset) => Math.max(1, view.read32(offset) - 4096) })),
    ),
    planted(
      'the position lags by a page',
      'bytes were overwritten at',
      positions((at) => Math.max(1, at - 4096)),
    ),
  ],
}
