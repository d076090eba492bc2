import type { LoopbackFault } from '../../../src/backend/loopback/planted/defects.ts'

/** Faults of `loopback:sg`, each with words of a check that has to notice it. */
type Noticed = readonly (readonly [fault: LoopbackFault, check: string])[]

export const noticedInLists: Noticed = [
  ['dma-writes-lost', 'a write reaches'],
  ['dma-writes-one-byte-too-many', 'a write reaches'],
  ['dma-swaps-bytes', 'a write reaches'],
  ['dma-reads-zeros', 'a read gathers'],
  ['list-swaps-addresses', 'a write reaches'],
  ['list-swaps-addresses', 'a read gathers'],
  ['list-skips-descriptor', 'a write reaches'],
  ['list-ring-too-short', 'a list of more segments'],
  ['list-busy-for-ever', 'an idle device says so'],
  ['list-idle-always', 'an idle device says so'],
  ['list-interrupt-lost', 'seen by interrupt'],
  ['irq-lost', 'interrupts on demand'],
  ['channels-take-turns', 'does not wait for another one'],
  ['channels-share-memory', 'does not wait for another one'],
  ['channels-share-vector', 'interrupts of one channel'],
  ['abort-lies', 'an abort of a channel tells'],
]

export const noticedInStreams: Noticed = [
  ['stream-runs-early', 'stands still at 0'],
  ['position-stuck', 'moves forward only'],
  ['position-unwrapped', 'moves forward only'],
  ['dma-writes-lost', 'overwrites its buffer in order'],
  ['position-ahead', 'overwrites its buffer in order'],
  ['stream-shifts-by-one', 'overwrites its buffer in order'],
  ['stream-stays-in-first-segment', 'overwrites its buffer in order'],
  ['stream-stays-in-first-segment', 'in a second turn'],
  ['stream-stays-in-first-segment', 'plays what the buffer holds'],
  ['tap-empty', 'plays what the buffer holds'],
  ['stream-runs-on', 'a paused stream'],
  ['stream-loses-position', 'a paused stream'],
  ['stream-keeps-position', 'a stopped stream'],
  ['stream-runs-on', 'a stopped stream'],
  ['stream-runs-on', 'a closed stream'],
  ['clock-stuck', 'the registers of a stream'],
  ['notification-lost', 'has come to each of its places'],
  ['notification-everywhere', 'has come to each of its places'],
  ['notification-in-pause', 'does not run announces nothing'],
  ['stream-runs-on', 'once the engine is closed'],
]
