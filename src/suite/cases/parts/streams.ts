import { type Va, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Segments } from '../../../device/segments.ts'
import type { Out } from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import { KSPIN_DATAFLOW, KSPIN_FLAG, KSSTREAM_POINTER_STATE } from '../../../ddi/ks/constants.ts'
import type { KsPin } from '../../../ddi/ks/pin.ts'
import type { KsStreamPointer } from '../../../ddi/ks/pointers/stream-pointer.ts'
import type { CancelCallback } from '../../../ddi/ks/queue/queue.ts'
import type { ClientFrame, StreamIrp } from '../../../ddi/ks/stream-irp.ts'
import type { Mdl } from '../../../ddi/mm/mdl.ts'
import type { Context } from '../../context.ts'
import { allocate, describeBusMaster, mapSystem, openAdapter, release } from './buffers.ts'
import { walkMappings } from './home-bytes.ts'

/** What a minidriver and its client do in the cases of AVStream. */

export const { KSSTREAM_POINTER_STATE_LOCKED: LOCKED, KSSTREAM_POINTER_STATE_UNLOCKED: UNLOCKED } =
  KSSTREAM_POINTER_STATE
export const { KSPIN_DATAFLOW_IN: SINK, KSPIN_DATAFLOW_OUT: SOURCE } = KSPIN_DATAFLOW
export const {
  KSPIN_FLAG_GENERATE_MAPPINGS: MAPPINGS,
  KSPIN_FLAG_DISTINCT_TRAILING_EDGE: TRAILING,
  KSPIN_FLAG_DO_NOT_USE_STANDARD_TRANSPORT: NO_QUEUE,
} = KSPIN_FLAG

export interface Registering {
  /** 16 unless told. */
  readonly stride?: number
  /** 64 pages unless told. */
  readonly maxBytes?: number
  /** One of a whole session's pages unless told. */
  readonly adapter?: DmaAdapter
}

/** RegisterAdapterObjectEx as the start dispatch says it; the status. */
export function registerAdapter(context: Context, registering: Registering = {}): number {
  const { stride = 16, maxBytes = 64 * PAGE_SIZE, adapter = openAdapter(context) } = registering
  const description = describeBusMaster(context, 64 * PAGE_SIZE)
  const { mapRegisters } = adapter
  try {
    return context.ddi.ks.RegisterAdapterObjectEx(adapter, description, mapRegisters, maxBytes, stride)
  } finally {
    context.kernel.pool.free(description.address)
  }
}

/** A pin with its client. */
export class Stream {
  readonly pin: KsPin
  /** In the order in which they were completed. */
  readonly done: StreamIrp[] = []
  readonly #context: Context
  readonly #mdls: Mdl[] = []

  constructor(context: Context, { flags = 0, flow = SOURCE }: { readonly flags?: number; readonly flow?: 1 | 2 } = {}) {
    this.#context = context
    this.pin = context.check.present(context.ddi.ks.openPin({ Flags: flags, DataFlow: flow }), 'a pin')
  }

  /** One IRP with a frame of so many bytes each, in pages of its own. */
  queue(...sizes: readonly number[]): StreamIrp {
    return this.queueMdls(
      ...sizes.map((size) => {
        const mdl = allocate(this.#context, Math.max(1, size))
        this.#mdls.push(mdl)
        return { Mdl: mdl, FrameExtent: size }
      }),
    )
  }

  /** One IRP over the client's own memory, which stays the caller's; a sink is written all of each frame. */
  queueMdls(...frames: readonly Pick<ClientFrame, 'Mdl' | 'FrameExtent'>[]): StreamIrp {
    const sink = this.pin.Descriptor.DataFlow === SINK
    const filled = frames.map((frame) => ({ ...frame, DataUsed: sink ? frame.FrameExtent : 0 }))
    return this.#context.ddi.ks.queueFrames(this.pin, filled, (irp) => void this.done.push(irp))
  }

  /** The leading edge, locked on a frame that there must be. */
  leading(): KsStreamPointer {
    const { check, ddi } = this.#context
    return check.present(ddi.ks.KsPinGetLeadingEdgeStreamPointer(this.pin, LOCKED), 'the leading edge, locked')
  }

  /** The leading edge, whatever it is on. */
  unlockedLeading(): KsStreamPointer {
    const { check, ddi } = this.#context
    return check.present(ddi.ks.KsPinGetLeadingEdgeStreamPointer(this.pin, UNLOCKED), 'the leading edge')
  }

  /** A clone that must be had. */
  clone(source: KsStreamPointer, cancel: CancelCallback | null = null, contextSize = 0): KsStreamPointer {
    const { check, ddi } = this.#context
    const made: Out<KsStreamPointer> = {}
    check.equal(ddi.ks.KsStreamPointerClone(source, cancel, contextSize, made), 0, 'KsStreamPointerClone')
    return check.present(made.value, 'the clone')
  }

  /** Lets a pointer leave its frame by the routine that leaves it unlocked. */
  eject(pointer: KsStreamPointer): void {
    this.#context.ddi.ks.KsStreamPointerUnlock(pointer, true)
  }

  /** The client goes, and takes its memory along. */
  close(): void {
    this.#context.ddi.ks.closePin(this.pin)
    for (const mdl of this.#mdls.splice(0)) release(this.#context, mdl)
  }
}

/** The entries that remain to a pointer of a pin with mappings, walked as a driver does (KSM-014). */
export function remainingEntries(context: Context, pointer: KsStreamPointer, stride: number): Segments {
  const { Mappings, Remaining } = pointer.Offset
  return walkMappings(context, Mappings, Remaining, stride)
}

/** A frame in pages of the client's own, with the client's view of them. */
export function clientFrame(context: Context, bytes: number): { readonly mdl: Mdl; readonly view: Va } {
  const mdl = allocate(context, bytes)
  return { mdl, view: mapSystem(context, mdl) }
}

export const at = (address: Va, bytes: number): Va => va(address + BigInt(bytes))
