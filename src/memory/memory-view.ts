import type { Va } from '../base/address.ts'
import { type Area, type MemorySurface, Protection } from '../native/surface.ts'

export interface MemoryViewParts {
  readonly address: Va
  /** Bytes. */
  readonly size: number
  readonly protection: Protection
}

/**
 * A contiguous view of frames. Offsets and lengths are bytes from its start; every access is checked and made by
 * native code, so that a forbidden one is an exception.
 * @throws ProbarError from every accessor: range-outside, access-violation, closed
 */
export class MemoryView implements Disposable {
  readonly address: Va
  /** Bytes. */
  readonly size: number
  readonly #native: MemorySurface
  readonly #area: Area
  #protection: Protection
  #hidden = false
  #open = true

  constructor(native: MemorySurface, area: Area, { address, size, protection }: MemoryViewParts) {
    this.#native = native
    this.#area = area
    this.address = address
    this.size = size
    this.#protection = protection
  }

  /** What the view allows, also while it is hidden. */
  get protection(): Protection {
    return this.#protection
  }

  read(offset: number, length: number): Uint8Array {
    return this.#native.read(this.#area, offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#native.write(this.#area, offset, bytes)
  }

  fill(offset: number, length: number, byte: number): void {
    this.#native.fill(this.#area, offset, length, byte)
  }

  /** Index of the first byte that differs, or -1. */
  compare(offset: number, expected: Uint8Array): number {
    return this.#native.compare(this.#area, offset, expected)
  }

  copyTo(target: MemoryView, targetOffset: number, offset: number, length: number): void {
    this.#native.copy(target.#area, targetOffset, this.#area, offset, length)
  }

  protect(protection: Protection): void {
    this.#native.protect(this.#area, protection)
    this.#protection = protection
  }

  /** Nobody may touch the view until `show`: it belongs to a process that is not the current one. */
  hide(): void {
    this.#native.protect(this.#area, Protection.none)
    this.#hidden = true
  }

  show(): void {
    this.#native.protect(this.#area, this.#protection)
    this.#hidden = false
  }

  get hidden(): boolean {
    return this.#hidden
  }

  /** The view as JavaScript memory; detached on close where the addon is there. */
  bytes(): ArrayBuffer {
    return this.#native.bytes(this.#area)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#native.release(this.#area)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
