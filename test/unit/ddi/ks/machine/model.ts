import { NtStatus } from '../../../../../src/base/ntstatus.ts'
import type { KsStreamPointer } from '../../../../../src/ddi/ks/pointers/stream-pointer.ts'
import type { StreamIrp } from '../../../../../src/ddi/ks/stream-irp.ts'

const { STATUS_SUCCESS, STATUS_PENDING, STATUS_CANCELLED } = NtStatus

/** What a frame should be: its references are a number that is counted up and down, as the documents tell it. */
export interface ModelFrame {
  readonly irp: ModelIrp
  /** Entries or bytes. */
  readonly count: number
  references: number
  mapped: boolean
  gone: boolean
}

export interface ModelIrp {
  readonly frames: ModelFrame[]
  irp: StreamIrp | undefined
  status: number
  cancel: boolean
}

export interface ModelPointer {
  readonly pointer: KsStreamPointer
  readonly kind: 'leading' | 'trailing' | 'clone'
  /** The index of its frame, or of the one to come; a clone behind the last is nowhere. */
  at: number
  locked: boolean
  used: number
  told: number
}

/** What a queue should be. */
export class StreamModel {
  readonly frames: ModelFrame[] = []
  readonly irps: ModelIrp[] = []
  readonly edges: ModelPointer[] = []
  clones: ModelPointer[] = []
  /** IRPs that are complete. */
  done = 0
  readonly mapping: boolean

  constructor(mapping: boolean) {
    this.mapping = mapping
  }

  pointers(): readonly ModelPointer[] {
    return [...this.edges, ...this.clones]
  }

  /** An edge is on the first frame from where it is that is not gone. */
  frameOf({ kind, at }: ModelPointer): ModelFrame | undefined {
    if (kind === 'clone') return this.frames[at]?.gone === false ? this.frames[at] : undefined
    return this.frames.slice(at).find(({ gone }) => !gone)
  }

  /** False where there is no frame. */
  lock(one: ModelPointer): boolean {
    const frame = this.frameOf(one)
    if (frame === undefined) return false
    one.locked = true
    if (this.mapping && frame.count > 0) frame.mapped = true
    return true
  }

  isLocked(irp: ModelIrp): boolean {
    return this.pointers().some((one) => one.locked && this.frameOf(one)?.irp === irp)
  }

  /** The reference on the frame goes; an edge waits at the end, a clone is nowhere. */
  leave(one: ModelPointer): void {
    const frame = this.frameOf(one)
    one.used = 0
    if (one.kind !== 'clone') {
      if (frame === undefined) return
      frame.references--
      one.at = this.frames.indexOf(frame) + 1
      return
    }
    if (frame !== undefined) frame.references--
    const next = this.frames.findIndex(({ gone }, index) => index > one.at && !gone)
    one.at = next < 0 ? Number.POSITIVE_INFINITY : next
    const moved = this.frameOf(one)
    if (moved !== undefined) moved.references++
  }

  settle(): void {
    for (const frame of this.frames) if (!frame.gone && frame.references === 0) this.#remove(frame)
    for (const irp of this.irps) {
      if (irp.status === STATUS_PENDING && irp.frames.every(({ gone }) => gone)) this.#finish(irp, STATUS_SUCCESS)
    }
    for (const irp of this.irps) {
      if (!irp.cancel || irp.status !== STATUS_PENDING || this.isLocked(irp)) continue
      for (const frame of irp.frames) if (!frame.gone) this.#remove(frame)
      this.#finish(irp, STATUS_CANCELLED)
    }
  }

  /** A pointer that was on it has consumed nothing of the next. */
  #remove(frame: ModelFrame): void {
    const on = this.pointers().filter((one) => this.frameOf(one) === frame)
    frame.gone = true
    frame.mapped = false
    for (const one of on) one.used = 0
  }

  #finish(irp: ModelIrp, status: number): void {
    irp.status = status
    this.done++
  }
}
