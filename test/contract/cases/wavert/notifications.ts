import { cyclic, pins, streams } from '../plants/broken-audio.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

/** The device is asked to notify elsewhere. */
const notifiesAt = (where: (places: readonly number[]) => readonly number[]) =>
  cyclic((engine) => ({
    open: ({ notifyAt = [], ...buffer }, options) =>
      engine.open({ ...buffer, ...(notifyAt.length > 0 && { notifyAt: where(notifyAt) }) }, options),
  }))

/** Defects for the cases of notifications. */
export const notificationDefects: Defects = {
  'wavert/notified-at-half-and-end': [
    fault('notification-lost', 'the event was not set within'),
    fault('dma-writes-lost', 'at event 1 the device had recorded'),
    planted(
      'the first event comes at a quarter',
      'at event 1 the device had recorded',
      notifiesAt(([half = 0, end = 0]) => [half / 2, end]),
    ),
    planted(
      'the first event comes at three quarters',
      'no event came within a quarter',
      notifiesAt(([half = 0, end = 0]) => [half + half / 2, end]),
    ),
    planted(
      'the second event comes at three quarters',
      'at event 2 the device had recorded',
      notifiesAt(([half = 0]) => [half, half + half / 2]),
    ),
    planted(
      'it is set when it is registered',
      'events before RUN',
      streams((stream) => ({
        RegisterNotificationEvent(event) {
          event.KeSetEvent()
          return stream.RegisterNotificationEvent(event)
        },
      })),
    ),
    planted(
      'it stays registered',
      'events once it is unregistered',
      streams(() => ({ UnregisterNotificationEvent: () => 0 })),
    ),
    planted(
      'it cannot be registered',
      'RegisterNotificationEvent',
      pins(() => ({ registerEvent: () => 0xc000_00bb })),
    ),
    planted(
      'it cannot be unregistered',
      'UnregisterNotificationEvent',
      pins((pin) => ({
        unregisterEvent(event) {
          pin.unregisterEvent(event)
          return 0xc000_00bb
        },
      })),
    ),
    planted(
      'it runs only once',
      'the position after 200 ms',
      streams((stream) => {
        let ran = 0
        return { SetState: (state) => (state === 3 && ran++ > 0 ? 0 : stream.SetState(state)) }
      }),
    ),
  ],
  'wavert/notified-at-the-end': [
    fault('notification-lost', 'the event was not set within'),
    fault('notification-everywhere', 'at the event the device had recorded'),
    planted(
      'the event comes in the middle too',
      'at the event the device had recorded',
      notifiesAt(([end = 0]) => [end / 2, end]),
    ),
    planted(
      'a buffer without notifications takes events',
      'is refused',
      pins((pin) => ({ registerEvent: (event) => Math.min(0, pin.registerEvent(event)) })),
    ),
    planted(
      'it cannot be registered',
      'RegisterNotificationEvent',
      pins(() => ({ registerEvent: () => 0xc000_00bb })),
    ),
  ],
}
