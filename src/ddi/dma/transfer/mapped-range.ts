import { runAll } from '../../../base/disposal.ts'
import { codeOf } from '../../../base/errors.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Mapping, Placement } from '../../../device/contract.ts'
import { Segments } from '../../../device/segments.ts'
import { unmapWhole } from '../../../device/unmap-whole.ts'
import type { AdapterState } from '../state.ts'
import {
  type Bounce,
  bounceAt,
  bounceWhole,
  copyBounced,
  freeBounce,
  highestReached,
  outOfReach,
  remaps,
} from './bounce.ts'
import type { BufferRange } from './buffer-range.ts'

/** A range of a buffer that the device reaches until `end`. */
export interface MappedRange {
  /** Bus ranges; those of the buffer are the bytes [offset, offset + length) of them. */
  readonly segments: Segments
  readonly offset: number
  readonly length: number
  /** Map registers that it uses. */
  readonly pages: number
  /** Ends the device's access; what it wrote into bounce pages is in the buffer then, and not before (DMA-025). */
  end(): void
  /** Ends the device's access and leaves the buffer alone: nothing was transferred. */
  abandon(): void
}

/**
 * Lets the device reach the range in one direction. What is bounced is copied now when the device is to read it, at
 * `end` when it is to write it, and at no other time (DMA-028, DMA-046).
 * @returns undefined when mappings, bounce pages or bus addresses within reach run out; nothing stays mapped then
 */
export function mapRange(state: AdapterState, range: BufferRange, writeToDevice: boolean): MappedRange | undefined {
  const { kernel, domain, addressWidth } = state
  const plan = planOf(state, range)
  if (plan === undefined) return undefined
  if (writeToDevice) copyBounced(state, range, plan, 'to-bounce')
  const placement = { kind: state.scatterGather ? 'scatter' : 'join', addressBits: addressWidth } as const
  try {
    const frames = { memory: kernel.frames, indices: plan.frames }
    const mapping = placed(state, () => domain.map(frames, writeToDevice ? 'read' : 'write', placement), placement)
    if (mapping !== undefined) return new LiveRange(state, range, plan, mapping, writeToDevice)
  } catch (error) {
    freeBounce(state, plan)
    if (kernel.shortages.note(error) || codeOf(error) === 'dma-outside-aperture') return undefined
    throw error
  }
  freeBounce(state, plan)
  return undefined
}

/** Tries for a range that does not lie across a boundary: the domain places it elsewhere each time. */
const ATTEMPTS = 64

/** A single element cannot be cut at the platform's boundary, so it has to lie between two. */
function placed({ platform }: AdapterState, map: () => Mapping, { kind }: Placement): Mapping | undefined {
  if (kind !== 'join' || platform.boundary === 0) return map()
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const mapping = map()
    const { bus } = mapping.segments.at(0)
    if (Number(bus % BigInt(platform.boundary)) + mapping.size <= platform.boundary) return mapping
    unmapWhole(mapping)
  }
  return undefined
}

function planOf(state: AdapterState, range: BufferRange): Bounce | undefined {
  const { kernel, scatterGather } = state
  const places = outOfReach(kernel.frames, range.frames, highestReached(state))
  if (scatterGather || isOneElement(state, range, places)) return bounceAt(state, range.frames, places)
  return bounceWhole(state, range)
}

/** One bus range can show it: no gap between pieces, and, unless it is remapped, none between frames. */
function isOneElement(state: AdapterState, { frames, pieces }: BufferRange, places: Uint32Array): boolean {
  const last = pieces.length - 1
  const whole = pieces.every(({ offset, length, pages }, at) => {
    const begins = at === 0 || offset === 0
    return begins && (at === last || offset + length === pages * PAGE_SIZE)
  })
  if (!whole || remaps(state)) return whole
  const { kernel } = state
  return (
    places.length === 0 &&
    frames.every((frame, at) => at === 0 || kernel.frames.pfn(frame) === kernel.frames.pfn(frames[at - 1] ?? 0) + 1)
  )
}

class LiveRange implements MappedRange {
  readonly segments: Segments
  readonly offset: number
  readonly length: number
  readonly pages: number
  readonly #state: AdapterState
  readonly #range: BufferRange
  readonly #bounce: Bounce
  readonly #mapping: Mapping
  readonly #writeToDevice: boolean

  constructor(state: AdapterState, range: BufferRange, bounce: Bounce, mapping: Mapping, writeToDevice: boolean) {
    this.#state = state
    this.#range = range
    this.#bounce = bounce
    this.#mapping = mapping
    this.#writeToDevice = writeToDevice
    const [first] = range.pieces
    const simple = range.pieces.length === 1 || bounce.packed
    this.segments = simple ? mapping.segments : piecesOf(mapping.segments, range)
    this.offset = simple ? (first?.offset ?? 0) : 0
    this.length = range.length
    this.pages = range.frames.length
    for (const { mdl } of range.pieces) state.mm.countList(mdl, 1)
  }

  end(): void {
    const { places } = this.#bounce
    const back = !this.#writeToDevice && places.length > 0
    this.#end(back ? [() => copyBounced(this.#state, this.#range, this.#bounce, 'from-bounce')] : [])
  }

  abandon(): void {
    this.#end([])
  }

  /** The device's access ends first, so that nothing changes behind the copy. */
  #end(copies: readonly (() => void)[]): void {
    runAll([
      () => unmapWhole(this.#mapping),
      ...copies,
      () => freeBounce(this.#state, this.#bounce),
      () => {
        for (const { mdl } of this.#range.pieces) this.#state.mm.countList(mdl, -1)
      },
    ])
  }
}

/** The bus ranges of the pieces alone, one after the other, without the rest of their pages. */
function piecesOf(segments: Segments, { pieces }: BufferRange): Segments {
  const bus = new BigUint64Array(segments.count + pieces.length)
  const lengths = new Float64Array(segments.count + pieces.length)
  let [count, at, start] = [0, 0, 0]
  for (const { firstPage, offset, length } of pieces) {
    const from = firstPage * PAGE_SIZE + offset
    const end = from + length
    for (; at < segments.count; at++) {
      const size = segments.lengths[at] ?? 0
      if (start + size > from) {
        const skipped = Math.max(0, from - start)
        bus[count] = (segments.bus[at] ?? 0n) + BigInt(skipped)
        lengths[count++] = Math.min(end, start + size) - start - skipped
      }
      // The next piece may begin in the same segment.
      if (start + size > end) break
      start += size
    }
  }
  return new Segments(bus.subarray(0, count), lengths.subarray(0, count))
}
