import { BugCheck, codeOf } from '../../../../src/base/errors.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { DmaPlatform } from '../../../../src/ddi/dma/platform.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes, adapters, dma } from '../plants/broken-ddi.ts'

/** DMA adapters that break their contract in ways of which several cases take notice. */

type Operation = {
  [Name in keyof DmaAdapter]: DmaAdapter[Name] extends (...args: never[]) => unknown ? Name : never
}[keyof DmaAdapter]

/** Raised with this bug check parameter (and second one), or as a misuse without one. */
export type Raised = number | readonly [number, number] | 'caller-error'

const isRaised = (error: unknown, raised: Raised): boolean => {
  if (raised === 'caller-error') return codeOf(error) === 'caller-error'
  const [first, second] = [raised].flat()
  if (!(error instanceof BugCheck) || Number(error.parameters[0]) !== first) return false
  return second === undefined || Number(error.parameters[1]) === second
}

/** Calls, and takes what is raised for a result. */
export function tolerated<A extends readonly unknown[], R>(
  act: (...args: A) => R,
  raised: Raised,
  instead: R,
): (...args: A) => R {
  return (...args) => {
    try {
      return act(...args)
    } catch (error) {
      if (isRaised(error, raised)) return instead
      throw error
    }
  }
}

/** The operation does nothing about a misuse of this kind. */
export const tolerates = (name: Operation, raised: Raised, instead?: unknown): Plant =>
  adapters((adapter) => {
    const act = (adapter[name] as (...args: unknown[]) => unknown).bind(adapter)
    return { [name]: tolerated(act, raised, instead) }
  })

/** A routine of the family does nothing about it. */
export const tolerating = (name: 'PutDmaAdapter' | 'IoGetDmaAdapter' | 'HalGetAdapter', raised: Raised): Plant =>
  dma((family) => {
    const act = (family[name] as (...args: unknown[]) => unknown).bind(family)
    return { [name]: tolerated(act, raised, null) }
  })

/** The operation gives this, whatever it should. */
export const answering = (name: Operation, result: unknown): Plant => adapters(() => ({ [name]: () => result }))

/** The operation does what it should, and gives something else. */
export const misanswering = (
  name: Operation,
  change: (result: unknown, ...args: readonly unknown[]) => unknown,
): Plant =>
  adapters((adapter) => {
    const act = (adapter[name] as (...args: unknown[]) => unknown).bind(adapter)
    return { [name]: (...args: unknown[]) => change(act(...args), ...args) }
  })

/** The operation gets other arguments. */
export const passing = (name: Operation, change: (...args: readonly never[]) => readonly unknown[]): Plant =>
  adapters((adapter) => {
    const act = (adapter[name] as (...args: unknown[]) => unknown).bind(adapter)
    return { [name]: (...args: unknown[]) => act(...change(...(args as never[]))) }
  })

/** Whatever a case sets, adapters meet these. */
export const platform = (settings: Partial<DmaPlatform>): Plant =>
  dma((family) => ({
    IoGetDmaAdapter(...args) {
      Object.assign(family.platform, settings)
      return family.IoGetDmaAdapter(...args)
    },
  }))

/** The bytes of every adapter are spoilt. @param spoil offsets count from the DMA_ADAPTER; its table lies at byte 16 */
export const adapterBytes = (spoil: (bytes: Bytes) => void): Plant =>
  dma((family, kernel: Kernel) => ({
    IoGetDmaAdapter(...args) {
      const adapter = family.IoGetDmaAdapter(...args)
      if (adapter !== null) spoil(new Bytes(kernel, adapter.address))
      return adapter
    },
  }))

/** One defect upon the other. */
export const both = (first: Plant, second: Plant): Plant => ({
  ddi: (ddi, kernel) => second.ddi?.(first.ddi?.(ddi, kernel) ?? ddi, kernel) ?? ddi,
})

/** An output parameter. */
export interface Output {
  value?: unknown
}
