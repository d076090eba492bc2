import { hex } from '../../base/hex.ts'
import type { Width } from '../register-access.ts'

/**
 * How a register program lies in memory: four words of 64 bits a step. The addon reads the same layout
 * (native/memory/register_program.h).
 *
 * | word | bits  | what                                                                |
 * | ---- | ----- | ------------------------------------------------------------------- |
 * | 0    | 0–7   | operation                                                           |
 * |      | 8–15  | bytes of an access: 1, 2, 4 or 8; else 0                            |
 * |      | 16    | poll: all ones are a value like any other                           |
 * |      | 17–31 | poll: microseconds between two reads                                |
 * |      | 32–63 | poll: timeout in microseconds; delay: microseconds                  |
 * | 1    |       | offset in bytes                                                     |
 * | 2    |       | value: what is written, put under the mask, or waited for           |
 * | 3    |       | mask                                                                |
 *
 * What a step doesn't need is 0.
 */
export const WORDS_PER_STEP = 4

export const Operation = { read: 1, write: 2, modify: 3, poll: 4, fence: 5, delay: 6 } as const

/** Limits that hold wherever a program runs: it keeps its thread, and nothing can stop it. */
export const ProgramLimit = {
  steps: 65_536,
  /** Timeouts and delays of all steps together. */
  totalUs: 10_000_000,
  intervalUs: 0x7fff,
} as const

export type Step =
  | { readonly kind: 'read'; readonly width: Width; readonly offset: number }
  | { readonly kind: 'write'; readonly width: Width; readonly offset: number; readonly value: bigint }
  | {
      readonly kind: 'modify'
      readonly width: Width
      readonly offset: number
      readonly mask: bigint
      readonly value: bigint
    }
  | PollStep
  | { readonly kind: 'fence' }
  | { readonly kind: 'delay'; readonly timeUs: number }

export interface PollStep {
  readonly kind: 'poll'
  readonly width: Width
  readonly offset: number
  readonly mask: bigint
  readonly value: bigint
  readonly timeUs: number
  readonly intervalUs: number
  readonly allOnesIsValue: boolean
}

export type AccessStep = Extract<Step, { readonly offset: number }>

/** The steps that read, each of which gives one value. */
export const reads = (step: Step): step is Exclude<AccessStep, { readonly kind: 'write' }> =>
  step.kind === 'read' || step.kind === 'modify' || step.kind === 'poll'

export function encode(steps: readonly Step[]): BigUint64Array {
  const words = new BigUint64Array(steps.length * WORDS_PER_STEP)
  for (const [index, step] of steps.entries()) words.set(wordsOf(step), index * WORDS_PER_STEP)
  return words
}

function wordsOf(step: Step): readonly [bigint, bigint, bigint, bigint] {
  const operation = BigInt(Operation[step.kind])
  const time = 'timeUs' in step ? BigInt(step.timeUs) << 32n : 0n
  if (!('offset' in step)) return [operation | time, 0n, 0n, 0n]
  const access = operation | (BigInt(step.width) << 8n) | time
  const polling = step.kind === 'poll' ? (BigInt(step.intervalUs) << 17n) | (step.allOnesIsValue ? 1n << 16n : 0n) : 0n
  return [access | polling, BigInt(step.offset), 'value' in step ? step.value : 0n, 'mask' in step ? step.mask : 0n]
}

/** A step as a message and a run's evidence show it. */
export function printStep(step: Step): string {
  if (step.kind === 'fence') return 'fence'
  if (step.kind === 'delay') return `delay ${step.timeUs} µs`
  const place = `${step.kind}${8 * step.width} ${hex(step.offset)}`
  switch (step.kind) {
    case 'read':
      return place
    case 'write':
      return `${place} = ${hex(step.value)}`
    case 'modify':
      return `${place} & ${hex(step.mask)} = ${hex(step.value)}`
    case 'poll':
      return `${place} & ${hex(step.mask)} == ${hex(step.value)}`
  }
}
