import type { Va } from '../../../base/address.ts'
import { PAGE_SIZE, roundUpToPages } from '../../../base/pages.ts'
import type { FrameStore } from '../../../memory/frame-store.ts'
import { GUARD_BYTE } from '../../../memory/patterns.ts'

/** What stands on both sides of a verified buffer (VER-004). */
const TAG = new TextEncoder().encode('DmaVrfy0')

/** Something wrote over a guard. */
export interface Overrun {
  /** 1 the tag in front of the buffer, 2 the one behind it; 4 the padding in front of the tag, 5 behind the other. */
  readonly code: 1 | 2 | 4 | 5
  /** Bytes from the buffer's start to the first byte that is not what it was. */
  readonly distance: number
}

/**
 * The guards of a common buffer, in its adjacent frames: a page of padding that ends in a tag, the buffer, a tag, padding
 * up to the end of a page. The device reaches the buffer's own pages only, so of the guards what shares the last of them
 * (DMA-062).
 */
export class Guards {
  /** Pages in front of the buffer. */
  static readonly pagesBefore = 1
  readonly #frames: FrameStore
  /** Byte offsets in the home view. */
  readonly #start: number
  readonly #end: number
  readonly #last: number

  /** @param start where the buffer begins in the home view, in bytes */
  constructor(frames: FrameStore, start: number, length: number) {
    this.#frames = frames
    this.#start = start
    this.#end = start + length
    this.#last = start + Guards.pagesOf(length) * PAGE_SIZE
    this.restore()
  }

  /** Pages of a buffer with the guards behind it. @param length bytes */
  static pagesOf(length: number): number {
    return roundUpToPages(length + TAG.length) / PAGE_SIZE
  }

  /** The first guard that does not hold what it held: tags before padding. */
  check(): Overrun | undefined {
    const { before, behind } = this.#places
    return (
      this.#differs(1, this.#start - TAG.length, TAG) ??
      this.#differs(2, this.#end, TAG) ??
      this.#differs(4, before.at, before.bytes) ??
      this.#differs(5, behind.at, behind.bytes)
    )
  }

  restore(): void {
    const { before, behind } = this.#places
    for (const { at, bytes } of [before, behind]) this.#frames.write(at, bytes)
    for (const at of [this.#start - TAG.length, this.#end]) this.#frames.write(at, TAG)
  }

  get #places(): Record<'before' | 'behind', { readonly at: number; readonly bytes: Uint8Array }> {
    const padding = (at: number, end: number) => ({ at, bytes: new Uint8Array(end - at).fill(GUARD_BYTE) })
    return {
      before: padding(this.#start - Guards.pagesBefore * PAGE_SIZE, this.#start - TAG.length),
      behind: padding(this.#end + TAG.length, this.#last),
    }
  }

  #differs(code: Overrun['code'], at: number, expected: Uint8Array): Overrun | undefined {
    const seen = this.#frames.read(at, expected.length)
    const first = seen.findIndex((byte, index) => byte !== expected[index])
    return first === -1 ? undefined : { code, distance: at + first - this.#start }
  }
}

/** The parameters of bug check 0xE6 for an overrun. */
export function overrunParameters(
  { code, distance }: Overrun,
  start: Va,
  length: number,
): readonly [number, ...bigint[]] {
  const isTag = code === 1 || code === 2
  return isTag ? [0x0f, BigInt(code), BigInt(length), start] : [0x0f, BigInt(code), start, start + BigInt(distance)]
}
