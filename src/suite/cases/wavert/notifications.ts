import { PAGE_SIZE } from '../../../base/pages.ts'
import { KEvent } from '../../../ddi/kernel/event.ts'
import type { Case } from '../../case.ts'
import {
  KSSTATE_PAUSE,
  KSSTATE_RUN,
  type MiniportOf,
  POISON,
  ahead,
  openPin,
  overwritten,
  pass,
  records,
  stepTo,
} from '../parts/pins.ts'

const SIZE = 8 * PAGE_SIZE
const PATIENCE_MS = 5000

/** Cases of events that a stream sets. */
export const notificationCases = (miniport: MiniportOf): readonly Case[] => [
  {
    id: 'wavert/notified-at-half-and-end',
    title:
      'with a count of 2 the event is set when half of the buffer has gone, and when all has; not once unregistered',
    rules: ['WRT-040'],
    needs: ['cyclic-notifications'],
    run: async (context) => {
      const { check, cyclic, device, signal } = context
      const capture = records(context)
      const { pin, buffer, read, fill } = await openPin(context, miniport, { capture, bytes: SIZE, notifications: 2 })
      fill(POISON)
      const event = new KEvent()
      check.equal(pin.registerEvent(event), 0, 'RegisterNotificationEvent')
      await pass(context, 20)
      check.equal(event.timesSet, 0, 'events before RUN')
      await stepTo(context, pin, KSSTATE_RUN)
      for (const half of [1, 2]) {
        await event.wait({ clock: device.clock, timeoutMs: PATIENCE_MS, signal })
        const due = (half * buffer.actualSize) / 2 - cyclic.abilities.accuracy
        if (capture) check.ok(overwritten(read()) >= due, `at event ${half} the device had recorded ${due} bytes`)
      }
      // A host that stalls sees events late; one that always comes late is not where it was asked for.
      const { actualSize: size } = buffer
      const { accuracy } = cyclic.abilities
      const due = new Set([size / 2, size])
      const end = device.clock.now() + PATIENCE_MS
      while (due.size > 0) {
        await event.wait({ clock: device.clock, timeoutMs: PATIENCE_MS, signal })
        const now = pin.position().PlayOffset
        for (const place of due) if (ahead(place - accuracy, now, size) < size / 4 + accuracy) due.delete(place)
        check.ok(device.clock.now() < end, `no event came within a quarter of the buffer behind ${[...due].join(', ')}`)
      }
      await stepTo(context, pin, KSSTATE_PAUSE)
      check.equal(pin.unregisterEvent(event), 0, 'UnregisterNotificationEvent')
      const set = event.timesSet
      check.ok(set >= 3, `the event was set ${set} times`)
      await stepTo(context, pin, KSSTATE_RUN)
      const from = pin.position().PlayOffset
      await pass(context, 200)
      check.differ(pin.position().PlayOffset, from, 'the position after 200 ms in RUN, and before')
      check.equal(event.timesSet, set, 'events once it is unregistered')
      await pin.close()
    },
  },
  {
    id: 'wavert/notified-at-the-end',
    title: 'with a count of 1 the event is set when all of the buffer has gone, and not before',
    rules: ['WRT-040'],
    needs: ['cyclic-notifications', 'cyclic-input'],
    run: async (context) => {
      const { check, cyclic, device, signal } = context
      const options = { capture: true, bytes: SIZE, notifications: 1 }
      const { pin, buffer, read, fill } = await openPin(context, miniport, options)
      const event = new KEvent()
      check.equal(pin.registerEvent(event), 0, 'RegisterNotificationEvent')
      fill(POISON)
      await stepTo(context, pin, KSSTATE_RUN)
      await event.wait({ clock: device.clock, timeoutMs: PATIENCE_MS, signal })
      const due = buffer.actualSize - cyclic.abilities.accuracy
      check.ok(overwritten(read()) >= due, `at the event the device had recorded ${due} bytes`)
      await pin.close()
      const refused = await openPin(context, miniport, { capture: true, bytes: SIZE })
      check.ok(
        refused.pin.registerEvent(event) >= 0xc000_0000,
        'an event for a buffer without notifications is refused',
      )
      await refused.pin.close()
    },
  },
]
