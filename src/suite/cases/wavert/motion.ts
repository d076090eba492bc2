import { PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL, type Out } from '../../../ddi/constants.ts'
import type { HwRegister } from '../../../ddi/portcls/interfaces.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import {
  BYTE_RATE,
  KSSTATE_ACQUIRE,
  KSSTATE_PAUSE,
  KSSTATE_RUN,
  KSSTATE_STOP,
  type MiniportOf,
  type OpenPin,
  POISON,
  ahead,
  failing,
  loadRegister,
  openPin,
  overwritten,
  pass,
  records,
  stepTo,
  until,
} from '../parts/pins.ts'

/** 48 kHz, 16 bits and two channels go through it in 170 ms. */
const SIZE = 8 * PAGE_SIZE
/** Milliseconds in which a running device would have moved some pages. */
const STILL_MS = 60

interface Reading {
  readonly what: string
  /** Bytes. */
  readonly at: number
  /** Bytes. */
  readonly accuracy: number
}

/**
 * The position does not change while time passes, and no byte of the buffer is anything but poison: a device that went on
 * recording silence over silence would not show.
 */
async function standsStill(context: Context, { pin, read }: OpenPin, state: string): Promise<void> {
  const { check } = context
  const position = pin.position().PlayOffset
  await pass(context, STILL_MS)
  check.equal(pin.position().PlayOffset, position, `the position in ${state}`)
  check.filled(read(), POISON, `the buffer in ${state}`)
}

/** Cases that sample the position of a stream in its states. */
export const motionCases = (miniport: MiniportOf): readonly Case[] => [
  {
    id: 'wavert/no-motion-outside-run',
    title: 'neither position nor buffer change before RUN, and both stand still again in PAUSE, ACQUIRE and STOP',
    rules: ['WRT-034', 'WRT-035'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check } = context
      const capture = records(context)
      const open = await openPin(context, miniport, { capture, bytes: SIZE })
      const { pin, read } = open
      check.equal(pin.state, KSSTATE_STOP, 'the state of a new stream')
      open.fill(POISON)
      await standsStill(context, open, 'STOP, before any motion')
      await stepTo(context, pin, KSSTATE_ACQUIRE)
      await standsStill(context, open, 'ACQUIRE, before any motion')
      await stepTo(context, pin, KSSTATE_PAUSE)
      await standsStill(context, open, 'PAUSE, before any motion')
      await stepTo(context, pin, KSSTATE_RUN)
      await until(context, 'the position moves in RUN', () => pin.position().PlayOffset > 0)
      await until(context, 'the buffer changes in RUN', () => !capture || overwritten(read()) > 0)
      await stepTo(context, pin, KSSTATE_PAUSE)
      open.fill(POISON)
      await standsStill(context, open, 'PAUSE, after RUN')
      await stepTo(context, pin, KSSTATE_ACQUIRE)
      await standsStill(context, open, 'ACQUIRE, after RUN')
      await stepTo(context, pin, KSSTATE_STOP)
      await standsStill(context, open, 'STOP, after RUN')
      await pin.close()
    },
  },
  {
    id: 'wavert/states-are-stepped-through',
    title: 'a state that is no neighbour is refused, and changes nothing; steps lead up and down again, twice',
    rules: ['WRT-035'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check } = context
      const open = await openPin(context, miniport, { capture: records(context), bytes: SIZE })
      const { pin } = open
      for (const turn of [1, 2]) {
        for (const state of [KSSTATE_PAUSE, KSSTATE_RUN]) {
          const refused = await failing(pin.setState(state))
          check.callerError('WRT-035', `from STOP to ${state}, turn ${turn}`, refused)
        }
        check.equal(pin.state, KSSTATE_STOP, `the state after refused steps, turn ${turn}`)
        open.fill(POISON)
        await standsStill(context, open, `STOP, after refused steps, turn ${turn}`)
        await stepTo(context, pin, KSSTATE_RUN)
        const from = pin.position().PlayOffset
        await until(context, `the position moves, turn ${turn}`, () => pin.position().PlayOffset !== from)
        await stepTo(context, pin, KSSTATE_STOP)
      }
      await pin.close()
    },
  },
  {
    id: 'wavert/position-goes-round',
    title: 'the position rises, stays below the size, and wraps to the start without help; at DISPATCH_LEVEL too',
    rules: ['WRT-036', 'WRT-037'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check, device, kernel } = context
      const { pin, buffer } = await openPin(context, miniport, { capture: records(context), bytes: 2 * SIZE })
      const { actualSize: size } = buffer
      await stepTo(context, pin, KSSTATE_RUN)
      let [last, at, wraps, highest] = [pin.position().PlayOffset, device.clock.now(), 0, 0]
      await until(context, 'the position wraps twice', () => {
        const { PlayOffset: now, WriteOffset: other } = kernel.at(KIRQL.DISPATCH_LEVEL, () => pin.position())
        const elapsed = device.clock.now() - at
        check.ok(now < size && other < size, `offsets ${now} and ${other} in a buffer of ${size} bytes`)
        // After a long pause of this thread nobody can tell a step back from a turn.
        const unmistakable = (elapsed / 1000) * BYTE_RATE < size / 4
        if (unmistakable) check.ok(ahead(last, now, size) < size / 2, `from ${last} the position went back to ${now}`)
        if (now < last) wraps++
        highest = Math.max(highest, now)
        ;[last, at] = [now, device.clock.now()]
        return wraps === 2
      })
      check.ok(highest >= (3 * size) / 4, `before it wrapped the position came to ${highest} of ${size}`)
      await pin.close()
    },
  },
  {
    id: 'wavert/recorded-as-far-as-the-position',
    title: 'what the device has overwritten lies between two readings of the position, give or take its accuracy',
    rules: ['WRT-036', 'WRT-037'],
    needs: ['cyclic-input'],
    run: async (context) => {
      const { check, cyclic } = context
      const { accuracy, records: content } = cyclic.abilities
      const { pin, buffer, read, fill } = await openPin(context, miniport, { capture: true, bytes: SIZE })
      const { actualSize: size } = buffer
      const out: Out<HwRegister> = {}
      const register = pin.positionRegister(out) === 0 ? check.present(out.value, 'the position register') : undefined
      /** What GetPosition and the register read, each with the error that it may have. */
      const look = (): readonly Reading[] => [
        { what: 'GetPosition', at: pin.position().PlayOffset, accuracy },
        ...(register === undefined
          ? []
          : [{ what: 'the register', at: loadRegister(context, register), accuracy: register.get('Accuracy') }]),
      ]
      fill(POISON)
      await stepTo(context, pin, KSSTATE_RUN)
      let looked = 0
      const agrees = (before: readonly Reading[], bytes: Uint8Array, after: readonly Reading[]): void => {
        const end = overwritten(bytes)
        for (const [index, { what, at, accuracy: error }] of before.entries()) {
          const to = after[index]?.at ?? at
          const range = `${at} to ${to} of ${what}, give or take ${error}`
          check.ok(end >= at - error && end <= to + error, `${end} bytes were overwritten at ${range}`)
        }
        if (content === 'unknown') return
        const expected = Uint8Array.from({ length: end }, (_, i) => (content === 'counter' ? i % 251 : 0))
        check.bytes(bytes.subarray(0, end), expected, 'what was recorded')
      }
      await until(context, 'the device records half of the buffer', () => {
        const before = look()
        const bytes = read()
        const after = look()
        const rising = before.every(({ at }, index) => at <= (after[index]?.at ?? 0))
        // Beyond the first turn nothing tells what is new.
        const first = overwritten(bytes) < size && rising
        if (first && before.every(({ at }) => at > 0)) {
          agrees(before, bytes, after)
          looked++
        }
        return after.some(({ at }) => at > size / 2) || !first
      })
      check.ok(looked > 0, 'the position was seen in the first turn')
      await stepTo(context, pin, KSSTATE_PAUSE)
      const [rest, bytes] = [look(), read()]
      if (overwritten(bytes) < size) agrees(rest, bytes, rest)
      await pin.close()
    },
  },
]
