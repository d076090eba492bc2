import { KSPIN_DATAFLOW, KSPIN_FLAG, KSSTREAM_POINTER_STATE } from '../../../../src/ddi/ks/constants.ts'
import type { Out } from '../../../../src/ddi/constants.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { KsPin } from '../../../../src/ddi/ks/pin.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import type { CancelCallback } from '../../../../src/ddi/ks/queue/queue.ts'
import type { StreamIrp } from '../../../../src/ddi/ks/stream-irp.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import type { Bench } from '../bench.ts'

export const { KSSTREAM_POINTER_STATE_LOCKED: LOCKED, KSSTREAM_POINTER_STATE_UNLOCKED: UNLOCKED } =
  KSSTREAM_POINTER_STATE
export const { KSPIN_DATAFLOW_IN: IN, KSPIN_DATAFLOW_OUT: OUT } = KSPIN_DATAFLOW
export const { KSPIN_FLAG_GENERATE_MAPPINGS: MAPPINGS, KSPIN_FLAG_DISTINCT_TRAILING_EDGE: TRAILING } = KSPIN_FLAG

/** A pin over a bench, its client, and what came back. */
export class Stream {
  readonly bench: Bench
  readonly pin: KsPin
  /** In the order of their completion. */
  readonly done: StreamIrp[] = []
  readonly #mdls: Mdl[] = []

  constructor(bench: Bench, { flags = 0, flow = OUT }: { flags?: number; flow?: 1 | 2 } = {}) {
    this.bench = bench
    const pin = bench.ddi.ks.openPin({ Flags: flags, DataFlow: flow })
    if (pin === null) throw new Error('no pin')
    this.pin = pin
  }

  get ks(): Ks {
    return this.bench.ddi.ks
  }

  /** One IRP with frames of so many bytes each. */
  queue(...sizes: readonly number[]): StreamIrp {
    const used = this.pin.Descriptor.DataFlow === IN
    const frames = sizes.map((size) => {
      const mdl = size === 0 ? null : this.bench.pages(Math.ceil(size / 4096))
      if (mdl !== null) this.#mdls.push(mdl)
      return { Mdl: mdl, FrameExtent: size, DataUsed: used ? size : 0 }
    })
    return this.ks.queueFrames(this.pin, frames, (irp) => void this.done.push(irp))
  }

  leading(state: 0 | 1 = LOCKED): KsStreamPointer {
    const pointer = this.ks.KsPinGetLeadingEdgeStreamPointer(this.pin, state)
    if (pointer === null) throw new Error('no leading edge')
    return pointer
  }

  clone(source: KsStreamPointer, cancel: CancelCallback | null = null, contextSize = 0): KsStreamPointer {
    const made: Out<KsStreamPointer> = {}
    const status = this.ks.KsStreamPointerClone(source, cancel, contextSize, made)
    if (made.value === undefined) throw new Error(`no clone: ${status}`)
    return made.value
  }

  /** Closes the pin and gives the memory back. */
  end(): void {
    this.ks.closePin(this.pin)
    for (const mdl of this.#mdls.splice(0)) this.bench.free(mdl)
  }
}

/** An adapter, registered. */
export function registerAdapter(bench: Bench, stride = 16, maxBytes = 4096): void {
  const adapter = bench.adapter()
  const description = bench.description()
  bench.ddi.ks.RegisterAdapterObjectEx(adapter, description, adapter.mapRegisters, maxBytes, stride)
  bench.kernel.pool.free(description.address)
}
