/** Things that are numbered as they come, in that order; any of them may go. Found by halving, however many there are. */
export class Ordered<T extends { readonly number: number }> implements Iterable<T> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** @param item with a number above all that ever came */
  add(item: T): void {
    this.#items.push(item)
  }

  remove(item: T): void {
    const at = this.#from(item.number)
    if (this.#items[at] === item) this.#items.splice(at, 1)
  }

  /** The first whose number is at least so much. */
  from(number: number): T | undefined {
    return this.#items[this.#from(number)]
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]()
  }

  #from(number: number): number {
    let [low, high] = [0, this.#items.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((this.#items[middle]?.number ?? Number.POSITIVE_INFINITY) < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
