import type { LoopbackFault } from '../../../../src/backend/loopback/planted/defects.ts'
import type { Plant } from '../../../../src/session/plant.ts'

/** One thing that is wrong below a case. */
export interface Defect {
  readonly name: string
  /** Part of the reason with which the case fails: it tells which check noticed the defect. */
  readonly seen: string
  /** Planted into the loopback device, or … */
  readonly fault?: LoopbackFault
  /** … put in place of a part of the session. */
  readonly plant?: Plant
}

/** By case id. */
export type Defects = Readonly<Record<string, readonly Defect[]>>

/** A defect of the loopback device, which says by itself what is wrong. */
export const fault = (name: LoopbackFault, seen: string): Defect => ({ name, seen, fault: name })

export const planted = (name: string, seen: string, plant: Plant): Defect => ({ name, seen, plant })
