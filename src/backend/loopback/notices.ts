import type { Clock } from '../../base/clock.ts'
import type { NoticeKind, Notices } from '../../device/contract.ts'
import { noticeError } from '../../device/notice-error.ts'
import type { Slot } from './slot.ts'

/** As an interrupt, a notice is seen a little later than it is sent. */
const LATENCY_MS = 0.03

/** Nothing takes the modelled device away by itself: notices come by `trigger` only. */
export class LoopbackNotices implements Notices {
  readonly kinds: readonly NoticeKind[] = ['request', 'error']
  readonly #slot: Slot
  readonly #clock: Clock
  readonly #gone = new AbortController()
  readonly #underWay = new Set<Disposable>()

  constructor(slot: Slot, clock: Clock) {
    this.#slot = slot
    this.#clock = clock
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  trigger(kind: NoticeKind): void {
    this.#slot.requireOpen()
    const notice = this.#clock.setTimer(LATENCY_MS, () => {
      this.#underWay.delete(notice)
      this.#gone.abort(noticeError(kind))
    })
    this.#underWay.add(notice)
  }

  close(): void {
    for (const notice of this.#underWay) notice[Symbol.dispose]()
    this.#underWay.clear()
  }
}
