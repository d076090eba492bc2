import { ProbarError } from './errors.ts'

/** Time as a parameter: a real device runs on the system's clock, a model on a virtual one that costs nothing. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number
  /** Calls `expire` once, `ms` from now, unless the result is disposed before. */
  setTimer(ms: number, expire: () => void): Disposable
}

export interface BlockingClock extends Clock {
  /** Lets `ms` pass without giving up the thread; on a virtual clock, timers that fall due meanwhile expire. */
  pass(ms: number): void
}

export const systemClock: BlockingClock = {
  now: () => performance.now(),
  setTimer(ms, expire) {
    const timer = setTimeout(expire, ms)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
  pass: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
}

/**
 * @param ms milliseconds on the given clock
 * @throws ProbarError cancelled when the signal aborts first
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      timer[Symbol.dispose]()
      reject(new ProbarError('cancelled', 'the wait was cancelled', { cause: signal?.reason }))
    }
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', cancel)
      resolve()
    })
    if (signal?.aborted === true) cancel()
    else signal?.addEventListener('abort', cancel, { once: true })
  })
}
