/** Unsigned 32-bit numbers that look random and are the same each time (a linear congruential generator). */
export function counting(seed = 1): () => number {
  let state = seed >>> 0
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0)
}
