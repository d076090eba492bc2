import { runAll } from '../../../base/disposal.ts'
import { KsPin, type PinDescriptor, hasQueue, hasTrailingEdge } from '../pin.ts'
import { newCursor, newPointer, retire } from '../pointers/cursor.ts'
import type { KsStreamPointer } from '../pointers/stream-pointer.ts'
import type { KsState } from '../state.ts'
import { cancelNow } from './completing.ts'
import { Ordered } from './ordered.ts'
import { type Cursor, type Frame, type PendingIrp, type Queue, cursorsOf, dropLock } from './queue.ts'

/** A KSPIN is known by its address alone: so much is enough. */
const PIN_SIZE = 16

/** A new pin with its queue and edges; null without memory. */
export function openPin(state: KsState, descriptor: PinDescriptor): KsPin | null {
  const { pool } = state.kernel
  const block = pool.allocate(PIN_SIZE)
  if (block === undefined) return null
  const pin = new KsPin(block.address, descriptor)
  if (!hasQueue(pin)) {
    state.pins.set(pin, undefined)
    return pin
  }
  const leading = newPointer(state, pin, 0)
  const trailing = hasTrailingEdge(pin) && leading !== undefined ? newPointer(state, pin, 0) : undefined
  if (leading === undefined || (hasTrailingEdge(pin) && trailing === undefined)) {
    if (leading !== undefined) pool.free(leading.address)
    pool.free(block.address)
    return null
  }
  state.pins.set(pin, newQueue(state, pin, leading, trailing))
  return pin
}

function newQueue(state: KsState, pin: KsPin, leading: KsStreamPointer, trailing: KsStreamPointer | undefined): Queue {
  const edge = (queue: Queue, kind: 'leading' | 'trailing', pointer: KsStreamPointer): Cursor =>
    newCursor(state, pointer, { queue, kind, number: 0, cancel: null, at: 0 })
  return new EmptyQueue(
    pin,
    (queue) => edge(queue, 'leading', leading),
    (queue) => trailing && edge(queue, 'trailing', trailing),
  )
}

/** Pointers and queue know each other. */
class EmptyQueue implements Queue {
  readonly pin: KsPin
  readonly frames = new Ordered<Frame>()
  readonly irps = new Map()
  readonly leading: Cursor
  readonly trailing: Cursor | undefined
  readonly clones = new Ordered<Cursor>()
  cloned = 0
  readonly left = new Set<Frame>()
  readonly unlocked = new Set<PendingIrp>()
  arrived = 0
  processed = false
  cancelling = undefined
  closing = false

  constructor(pin: KsPin, leading: (queue: Queue) => Cursor, trailing: (queue: Queue) => Cursor | undefined) {
    this.pin = pin
    this.leading = leading(this)
    this.trailing = trailing(this)
  }
}

/**
 * What is in flight is cancelled; what the driver still holds is written down (KSM-041, KSM-042) and taken away.
 * @param driver `gone` at the end of a Windows: nobody is left to be called
 */
export function closePin(state: KsState, routine: string, pin: KsPin, driver: 'there' | 'gone'): void {
  const queue = state.pins.get(pin)
  const steps = queue === undefined ? [] : [() => empty(state, routine, queue, driver)]
  runAll([...steps, () => state.kernel.pool.free(pin.address), () => void state.pins.delete(pin)])
}

function empty(state: KsState, routine: string, queue: Queue, driver: 'there' | 'gone'): void {
  const { ledger } = state.kernel
  queue.closing = true
  for (const cursor of cursorsOf(queue)) {
    if (cursor.locked)
      ledger.note({ rule: 'KSM-041', routine, text: `a ${cursor.kind} stream pointer was left locked` })
    dropLock(cursor)
  }
  const cancels = [...queue.irps.values()].map((irp) => () => {
    if (queue.irps.has(irp.irp)) cancelNow(state, queue, irp, driver)
  })
  runAll([
    ...cancels,
    () => {
      const clones = queue.clones.size
      if (clones > 0) ledger.note({ rule: 'KSM-042', routine, text: `${clones} clones were never deleted` })
      for (const cursor of cursorsOf(queue)) retire(state, cursor)
    },
  ])
}
