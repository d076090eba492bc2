import { codeOf } from '../../base/errors.ts'

/** A device that left the bus accesses nothing, which is all that closing is about. */
export function unlessGone(close: () => void): void {
  try {
    close()
  } catch (error) {
    if (!onlyGone(error)) throw error
  }
}

const onlyGone = (error: unknown): boolean =>
  error instanceof AggregateError ? error.errors.every(onlyGone) : codeOf(error) === 'device-gone'
