import { hex } from '../base/hex.ts'
import { RegisterProgram } from '../device/register-program/program.ts'
import { Segments } from '../device/segments.ts'
import type { TraceValue } from '../record/recorder.ts'
import type { Witness } from '../record/schema.ts'

/** Where operations are written down, with who stands behind what each returned. */
export interface OperationSink {
  record(op: string, by: Witness, args: Readonly<Record<string, TraceValue>>, result?: TraceValue): void
}

/** Follows a session's operations; without a sink nothing is written down. */
export class Trace {
  sink: OperationSink | undefined

  /** @param names of the arguments, in order */
  record(op: string, by: Witness, names: readonly string[], args: readonly unknown[], result: unknown): void {
    if (this.sink === undefined) return
    const printed = args.map((value, index) => [names[index] ?? String(index), print(value)] as const)
    this.sink.record(op, by, Object.fromEntries(printed.filter(([, value]) => value !== undefined)), print(result))
  }
}

/** One finished call, for a judge. */
export interface Call {
  readonly method: string
  /** Names of the parameters, as the method declares them. */
  readonly names: readonly string[]
  readonly args: readonly unknown[]
  /** What it returned or resolved with; undefined when it threw. */
  readonly result: unknown
  readonly error?: unknown
}

export interface Watch {
  /** Stands in front of the methods' names, for example `mm`. */
  readonly name: string
  readonly trace: Trace
  /** Who stands behind the result; undefined leaves the call out. */
  readonly judge: (call: Call) => Witness | undefined
  /** Wraps a result that is to be followed too. */
  readonly wrap?: (result: unknown) => unknown
}

/** The same object, with every call of a method written down when it ends. */
export function watched<T extends object>(target: T, watch: Watch): T {
  const names = new Map<string, readonly string[]>()
  const namesOf = (method: string, body: object): readonly string[] => {
    const known = names.get(method) ?? parameterNames(body)
    names.set(method, known)
    return known
  }
  return new Proxy(target, {
    get: (_, key) => {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      if (typeof key !== 'string') return value.bind(target)
      return (...args: readonly unknown[]): unknown =>
        follow({ method: key, names: namesOf(key, value), args }, () => Reflect.apply(value, target, args), watch)
    },
  })
}

/** What a function calls its parameters, where they are plain names; DDIs have their documented ones. */
function parameterNames(method: object): readonly string[] {
  const declared = /^[^(]*\(([^()]*)\)/.exec(Function.prototype.toString.call(method))?.[1] ?? ''
  const list = declared.replaceAll(/=\s*\{\s*\}/g, '')
  const names = list.split(',').map((name) => /^\s*_?([A-Za-z]\w*)/.exec(name)?.[1] ?? '')
  return names.every((name) => name !== '') && !list.includes('{') ? names : []
}

type Pending = Pick<Call, 'method' | 'names' | 'args'>

function follow(pending: Pending, act: () => unknown, watch: Watch): unknown {
  const { wrap = (result: unknown): unknown => result } = watch
  const ended = (result: unknown): unknown => {
    note({ ...pending, result }, watch)
    return wrap(result)
  }
  const failed = (error: unknown): never => {
    note({ ...pending, result: undefined, error }, watch)
    throw error
  }
  try {
    const result = act()
    return result instanceof Promise ? result.then(ended, failed) : ended(result)
  } catch (error) {
    return failed(error)
  }
}

function note(call: Call, { name, trace, judge }: Watch): void {
  const by = judge(call)
  if (by === undefined) return
  const outcome = call.error instanceof Error ? `throws ${call.error.message}` : call.result
  const wide = REGISTER_ACCESS.test(call.method)
  const args = wide ? call.args.map(asHex) : call.args
  trace.record(`${name}.${call.method}`, by, call.names, args, wide ? asHex(outcome) : outcome)
}

/** Offsets and values of registers are read in hexadecimal, which is how bigint is written. */
const REGISTER_ACCESS = /^((read|write)(8|16|32|64|Block)|run)$/
const asHex = (value: unknown): unknown =>
  typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value

/** A value as evidence shows it; objects by what tells them apart. */
function print(value: unknown): TraceValue {
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value === 'string') return value
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `${value.length} bytes ${Buffer.from(value.subarray(0, 8)).toString('hex')}…`
  if (value instanceof Uint16Array || value instanceof Uint32Array || value instanceof BigUint64Array) {
    return printElements(value)
  }
  if (value instanceof RegisterProgram) return value.toString()
  if (value instanceof Segments) return printSegments(value)
  if (typeof value === 'object' && value !== null) return printObject(value)
  return undefined
}

/** Values that evidence shows of a block or of what a program read. */
const SHOWN_VALUES = 8

function printElements(values: Uint16Array | Uint32Array | BigUint64Array): string {
  const shown = Array.from(values.subarray(0, SHOWN_VALUES), (value: number | bigint) => hex(value))
  return `[${shown.join(' ')}${values.length > SHOWN_VALUES ? ` … ${values.length}` : ''}]`
}

/** Segments that evidence shows of a list. */
const SHOWN_SEGMENTS = 4

function printSegments(segments: Segments): string {
  const shown: string[] = []
  for (let i = 0; i < Math.min(segments.count, SHOWN_SEGMENTS); i++) {
    const { bus, length } = segments.at(i)
    shown.push(`${hex(bus)}+${hex(length)}`)
  }
  return `[${shown.join(' ')}${segments.count > SHOWN_SEGMENTS ? ` … ${segments.count}` : ''}]`
}

function printObject(value: object): string | undefined {
  if ('value' in value) return `out ${String(print(value.value))}`
  if ('segments' in value && value.segments instanceof Segments) return printSegments(value.segments)
  if ('address' in value && typeof value.address === 'bigint') return `${value.constructor.name} ${hex(value.address)}`
  return undefined
}
