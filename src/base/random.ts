import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'

/** Randomness as a parameter: the same seed gives the same run. */
export interface Random {
  /** An integer in [0, bound); `bound` is at most 2^32. */
  below(bound: number): number
}

/** @param seed 64 bits, unsigned */
export function seededRandom(seed: bigint): Random {
  const low = Number(BigInt.asIntN(32, seed))
  const high = Number(BigInt.asIntN(32, seed >> 32n))
  const generator = xoroshiro128plusFromState([low, high, 0x2545f491, ~low])
  for (let warmUp = 0; warmUp < 16; warmUp++) generator.next()
  return { below: (bound) => uniformInt(generator, 0, bound - 1) }
}
