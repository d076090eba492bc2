/** Runs every step, also when some fail. @throws the failure, or AggregateError of them */
export function runAll(steps: readonly (() => void)[]): void {
  runEach(steps.length, (index) => steps[index]?.())
}

/** As `runAll`, for steps that differ by a number from 0 to `count` - 1 alone. */
export function runEach(count: number, step: (index: number) => void): void {
  const failures: unknown[] = []
  for (let index = 0; index < count; index++) {
    try {
      step(index)
    } catch (error) {
      failures.push(error)
    }
  }
  throwAll(failures)
}

/** Runs every step because of `error`, then throws it. @throws AggregateError of it and of what the steps failed with */
export function undoAfter(error: unknown, steps: readonly (() => void)[]): never {
  try {
    runAll(steps)
  } catch (second) {
    throw bothOf(error, second)
  }
  throw error
}

/** Runs `act`, then `end`, whatever happens. @throws AggregateError when both fail, where `finally` would hide the first */
export function finish<T>(act: () => T, end: () => void): T {
  let result: T
  try {
    result = act()
  } catch (error) {
    return undoAfter(error, [end])
  }
  end()
  return result
}

/**
 * Things to undo, the last one first. Node 20 has no DisposableStack; unlike that one, this
 * runs every step even when some fail and reports all failures together.
 */
export class Disposal implements AsyncDisposable {
  #steps: (() => void | Promise<void>)[] = []

  /** Adds a thing that is to be closed; returns it, so that opening and registering are one expression. */
  use<T extends Disposable | AsyncDisposable>(thing: T): T {
    this.defer(() =>
      Symbol.asyncDispose in thing ? Promise.resolve(thing[Symbol.asyncDispose]()) : thing[Symbol.dispose](),
    )
    return thing
  }

  defer(step: () => void | Promise<void>): void {
    this.#steps.push(step)
  }

  /** Runs the steps because of `error`, then throws it. @throws AggregateError of it and of what closing failed with */
  async undoAfter(error: unknown): Promise<never> {
    try {
      await this[Symbol.asyncDispose]()
    } catch (second) {
      throw bothOf(error, second)
    }
    throw error
  }

  /** Runs the steps, last first. Safe to call twice. @throws AggregateError with every step that failed */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    throwAll(failures)
  }
}

function throwAll(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} steps of closing failed`)
}

function bothOf(first: unknown, second: unknown): AggregateError {
  return new AggregateError([first, second], 'closing failed after an error')
}
