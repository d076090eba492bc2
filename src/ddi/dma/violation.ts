import type { KIRQL } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** DRIVER_VERIFIER_DMA_VIOLATION (VER-001) */
const DMA_VIOLATION = 0xe6

export interface Violation {
  /** The rule that was broken. */
  readonly rule: string
  readonly routine: string
  readonly text: string
  /** The bug check's first parameter; behind it the second, where that tells violations apart. */
  readonly parameters: readonly [number, ...bigint[]]
}

/** @throws BugCheck 0xE6, always */
export function violate(kernel: Kernel, { rule, routine, text, parameters: [parameter, ...rest] }: Violation): never {
  kernel.ledger.raise({ rule, routine, text, bugCheck: { code: DMA_VIOLATION, parameter, rest } })
}

/** Writes the violation down where nobody is left to stop. */
export function noteViolation(kernel: Kernel, { rule, routine, text, parameters }: Violation): void {
  const [parameter, ...rest] = parameters
  kernel.ledger.note({ rule, routine, text, bugCheck: { code: DMA_VIOLATION, parameter, rest } })
}

/** The levels at which a routine may be called, and the rule that says so. */
export interface Levels {
  readonly rule: string
  readonly highest: KIRQL
  readonly lowest: KIRQL
}

/** @throws BugCheck 0xE6/0x13 at another level (VER-009) */
export function requireLevel(kernel: Kernel, routine: string, { rule, highest, lowest }: Levels): void {
  const current = kernel.KeGetCurrentIrql()
  if (current >= lowest && current <= highest) return
  const expected = lowest === highest ? 1n : 2n
  const allowed = lowest === highest ? `${highest}` : `${lowest} to ${highest}`
  const text = `called at IRQL ${current}, allowed is ${allowed}`
  violate(kernel, { rule, routine, text, parameters: [0x13, expected, BigInt(highest), BigInt(current)] })
}
