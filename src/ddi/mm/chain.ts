import { va } from '../../base/address.ts'
import type { Mdl } from './mdl.ts'
import type { MmState } from './state.ts'

/**
 * The MDL that follows in the chain, or null at its end (MDL-025).
 * @throws CallerError when Next points at no MDL that is alive
 */
export function nextInChain({ kernel, mdls }: MmState, routine: string, mdl: Mdl): Mdl | null {
  mdls.known(routine, mdl)
  const next = mdl.header.get('Next')
  if (next === 0n) return null
  const found = mdls.at(va(next))
  if (found !== undefined) return found
  return kernel.ledger.raise({ rule: 'MDL-027', routine, text: 'Next points at an MDL that was freed, or at none' })
}
