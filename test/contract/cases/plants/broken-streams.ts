import { codeOf } from '../../../../src/base/errors.ts'
import { CallerError } from '../../../../src/ddi/kernel/ledger.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { KsPin } from '../../../../src/ddi/ks/pin.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import type { StreamIrp } from '../../../../src/ddi/ks/stream-irp.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes, ks } from './broken-ddi.ts'

/** AVStream with routines that break their contract. */

type Routine = {
  [Name in keyof Ks]: Ks[Name] extends (...args: never[]) => unknown ? Name : never
}[keyof Ks]

export type RoutineArguments<Name extends Routine> = Parameters<Ks[Name]>

/** The routine, with what it does in its place. */
export const instead = <Name extends Routine>(
  name: Name,
  act: (ks: Ks, args: Parameters<Ks[Name]>, kernel: Kernel) => ReturnType<Ks[Name]>,
): Plant => ks((ks, kernel) => ({ [name]: (...args: Parameters<Ks[Name]>) => act(ks, args, kernel) }))

/** The routine does nothing and gives this; from its `from`th call on, counted from 1. */
export const answers = <Name extends Routine>(name: Name, result: ReturnType<Ks[Name]>, from = 1): Plant => {
  let calls = 0
  return instead(name, (ks, args) => (++calls >= from ? result : real(ks, name)(...args)))
}

/** The routine takes this misuse for what it may be asked. */
export const swallows = <Name extends Routine>(name: Name, rule: string, result: ReturnType<Ks[Name]>): Plant =>
  instead(name, (ks, args) => {
    try {
      return real(ks, name)(...args)
    } catch (error) {
      if (error instanceof CallerError && error.rule === rule) return result
      throw error
    }
  })

/** Something is changed when the routine refuses. */
export const afterRefusal = <Name extends Routine>(
  name: Name,
  spoil: (ks: Ks, args: Parameters<Ks[Name]>) => void,
): Plant =>
  instead(name, (ks, args) => {
    try {
      return real(ks, name)(...args)
    } catch (error) {
      if (codeOf(error) === 'caller-error') spoil(ks, args)
      throw error
    }
  })

/** Something is changed after the routine, as if it had done so. */
export const after = <Name extends Routine>(
  name: Name,
  spoil: (ks: Ks, args: Parameters<Ks[Name]>, kernel: Kernel) => void,
): Plant =>
  instead(name, (ks, args, kernel) => {
    const result = real(ks, name)(...args)
    spoil(ks, args, kernel)
    return result
  })

/** The bytes of a pointer are spoilt after a routine that takes it. */
export const spoilt = <Name extends PointerRoutine>(
  name: Name,
  spoil: (bytes: Bytes, args: Parameters<Ks[Name]>) => void,
): Plant =>
  after(name, (ks, args, kernel) => {
    const [pointer] = args
    spoil(new Bytes(kernel, pointer.address), args)
    ks.accept(pointer)
  })

type PointerRoutine = 'KsStreamPointerAdvanceOffsets' | 'KsStreamPointerLock' | 'KsStreamPointerAdvance'

/** The bytes of an edge are spoilt when it is asked for in this state. */
export const edge = (
  kind: 'Leading' | 'Trailing',
  state: 0 | 1,
  spoil: (bytes: Bytes, pointer: KsStreamPointer, kernel: Kernel) => void,
): Plant =>
  instead(`KsPinGet${kind}EdgeStreamPointer`, (ks, [pin, wanted], kernel) => {
    const pointer = ks[`KsPinGet${kind}EdgeStreamPointer`](pin, wanted)
    if (pointer === null || wanted !== state) return pointer
    spoil(new Bytes(kernel, pointer.address), pointer, kernel)
    ks.accept(pointer)
    return pointer
  })

/** The bytes of every clone are spoilt, or it is moved, before its driver has it. */
export const cloned = (spoil: (bytes: Bytes, clone: KsStreamPointer, ks: Ks, source: KsStreamPointer) => void): Plant =>
  instead('KsStreamPointerClone', (ks, [source, cancel, size, made], kernel) => {
    const status = ks.KsStreamPointerClone(source, cancel, size, made)
    if (made.value !== undefined) {
      spoil(new Bytes(kernel, made.value.address), made.value, ks, source)
      ks.accept(made.value)
    }
    return status
  })

/** Every pin has other flags than were asked for. */
export const flagged = (change: (flags: number) => number): Plant =>
  instead('openPin', (ks, [descriptor]) => ks.openPin({ ...descriptor, Flags: change(descriptor.Flags) }))

/** What the client gets is changed before it is told. @param change gets how many were complete before */
export const completing = (change: (irp: StreamIrp, before: number) => void): Plant => {
  let before = 0
  return instead('queueFrames', (ks, [pin, frames, completed]) =>
    ks.queueFrames(pin, frames, (irp) => {
      change(irp, before++)
      completed(irp)
    }),
  )
}

/** DataUsed of every header, as the client gets it. */
export const dataUsed = (used: number, from = 0): Plant =>
  completing((irp, before) => {
    if (before >= from) irp.headers = irp.headers.map((header) => ({ ...header, DataUsed: used }))
  })

/** AdvanceOffsets with other amounts. */
export const advancing = (
  change: (
    amounts: readonly [number, number, boolean],
    ks: Ks,
    pointer: KsStreamPointer,
  ) => readonly [number, number, boolean],
): Plant =>
  instead('KsStreamPointerAdvanceOffsets', (ks, [pointer, ...amounts]) =>
    ks.KsStreamPointerAdvanceOffsets(pointer, ...change(amounts, ks, pointer)),
  )

/** AdvanceOffsets fails for this amount. */
export const stuck = (amount: number): Plant =>
  instead('KsStreamPointerAdvanceOffsets', (ks, [pointer, inUsed, outUsed, eject]) =>
    inUsed + outUsed === amount ? 0xc000_00a3 : ks.KsStreamPointerAdvanceOffsets(pointer, inUsed, outUsed, eject),
  )

/** A reference to the frame that nobody knows of. */
export const keepsFrame = (ks: Ks, pointer: KsStreamPointer): void => void ks.KsStreamPointerClone(pointer, null, 0, {})

export function real<Name extends Routine>(
  ks: Ks,
  name: Name,
): (...args: Parameters<Ks[Name]>) => ReturnType<Ks[Name]> {
  return (...args) => (ks[name] as (...args: unknown[]) => ReturnType<Ks[Name]>).apply(ks, args)
}

/** A plant that asks which pin was opened last. */
export function withPin(make: (pin: () => KsPin) => Plant): Plant {
  let last: KsPin | null = null
  const remember = instead('openPin', (ks, [descriptor]) => (last = ks.openPin(descriptor)))
  const pin = (): KsPin => {
    if (last === null) throw new Error('no pin was opened')
    return last
  }
  return together(remember, make(pin))
}

/** Several plants of AVStream, one upon the other. */
export const together = (...plants: readonly Plant[]): Plant => ({
  ddi: (ddi, kernel) => plants.reduce((planted, plant) => plant.ddi?.(planted, kernel) ?? planted, ddi),
})
