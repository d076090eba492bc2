import { runAll, undoAfter } from '../../base/disposal.ts'
import { ProbarError, codeOf } from '../../base/errors.ts'
import type { NoticeKind, Notices } from '../../device/contract.ts'
import { noticeError } from '../../device/notice-error.ts'
import type { DeviceFile, InterruptSet, VfioSurface } from '../../native/surface.ts'
import { NoticeIndex } from './uapi.ts'

/**
 * The kernel's own two interrupts of a device, armed as long as it is open. A request comes when something wants to take
 * the device from vfio-pci, and again every 10 s until it is closed; an error only for PCI Express, when the device
 * reported one that it cannot correct (kernel: vfio_pci_core_request, vfio_pci_core_aer_err_detected).
 */
export class VfioNotices implements Notices {
  readonly kinds: readonly NoticeKind[]
  readonly #native: VfioSurface
  readonly #sets: ReadonlyMap<NoticeKind, InterruptSet>
  readonly #gone = new AbortController()
  #closed = false

  constructor(native: VfioSurface, file: DeviceFile) {
    this.#native = native
    this.#sets = armAll(native, file, (kind) => this.#notice(kind))
    this.kinds = [...this.#sets.keys()]
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  trigger(kind: NoticeKind): void {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
    const set = this.#sets.get(kind)
    if (set === undefined) throw new ProbarError('capability-missing', `the kernel sends no ${kind} for this device`)
    this.#native.triggerInterrupt(set, 0)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    runAll([...this.#sets.values()].map((set) => () => this.#native.disarmInterrupts(set)))
  }

  #notice(kind: NoticeKind): void {
    this.#gone.abort(noticeError(kind))
  }
}

/** All that there are, or none. */
function armAll(
  native: VfioSurface,
  file: DeviceFile,
  notify: (kind: NoticeKind) => void,
): ReadonlyMap<NoticeKind, InterruptSet> {
  const sets = new Map<NoticeKind, InterruptSet>()
  try {
    for (const kind of ['request', 'error'] as const) {
      if (offers(native, file, kind))
        sets.set(
          kind,
          native.armInterrupts(file, NoticeIndex[kind], 1, () => notify(kind)),
        )
    }
    return sets
  } catch (error) {
    undoAfter(
      error,
      [...sets.values()].map((set) => () => native.disarmInterrupts(set)),
    )
  }
}

function offers(native: VfioSurface, file: DeviceFile, kind: NoticeKind): boolean {
  try {
    return native.interruptInfo(file, NoticeIndex[kind]).count > 0
  } catch (error) {
    if (codeOf(error) === 'interrupt-unavailable') return false
    throw error
  }
}
