/** As the kernel's watchdog words it (kernel: kernel/watchdog.c). */
const STUCK = /soft lockup - CPU#(\d+) stuck for (\d+)s/g
/** Longer than the message itself, so that one that comes in two pieces is seen whole. */
const OVERLAP = 64

/**
 * Hears when a processor of the guest hangs for good. Emulated processors do so now and then: one no longer takes
 * interrupts, the other waits for it. On a busy host a lockup of some seconds means nothing.
 */
export class LockupWatch {
  /** Settles with the processor and its time, once one has been stuck for so long. */
  readonly seen: Promise<{ readonly cpu: number; readonly seconds: number }>
  readonly #limit: number
  #settle: (lockup: { cpu: number; seconds: number }) => void = () => undefined
  #end = ''

  /** @param limit seconds */
  constructor(limit: number) {
    this.#limit = limit
    this.seen = new Promise((resolve) => (this.#settle = resolve))
  }

  /** A piece of the serial line. */
  push(chunk: Buffer): void {
    const text = this.#end + chunk.toString('latin1')
    for (const [, cpu, seconds] of text.matchAll(STUCK)) {
      if (Number(seconds) >= this.#limit) this.#settle({ cpu: Number(cpu), seconds: Number(seconds) })
    }
    this.#end = text.slice(-OVERLAP)
  }
}
