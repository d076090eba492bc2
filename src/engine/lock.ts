/** Lets one at a time work, in the order in which they came. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    // the next one begins whether this one failed or not; its caller hears of that
    this.#last = result.catch(() => undefined)
    return result
  }
}
