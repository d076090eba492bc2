import { describe, expect, it } from '@jest/globals'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { ProbarError, codeOf } from '../../../src/base/errors.ts'
import type { Width } from '../../../src/device/register-access.ts'
import { type AccessPort, checkProgram, interpret } from '../../../src/device/register-program/interpret.ts'
import { RegisterProgramError } from '../../../src/device/register-program/outcome.ts'
import {
  type Bits,
  type RegisterProgram,
  type RegisterProgramBuilder,
  registerProgram,
} from '../../../src/device/register-program/program.ts'

type Wrong = (builder: RegisterProgramBuilder) => unknown

const POLL = { mask: 1, value: 1, timeoutMs: 1 }

/** Registers that answer from a list and write down what was done. */
class Port implements AccessPort {
  readonly done: string[] = []
  readonly #answers: (bigint | ProbarError)[]

  constructor(...answers: readonly (bigint | ProbarError)[]) {
    this.#answers = [...answers]
  }

  load(offset: number, width: Width): bigint {
    this.done.push(`load${8 * width} ${offset}`)
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]
    if (answer instanceof ProbarError) throw answer
    return answer ?? 0n
  }

  store(offset: number, width: Width, value: bigint): void {
    this.done.push(`store${8 * width} ${offset} ${value}`)
  }
}

function failure(port: AccessPort, program: RegisterProgram, clock = new VirtualClock()): RegisterProgramError {
  try {
    interpret(program, port, clock)
  } catch (error) {
    if (error instanceof RegisterProgramError) return error
    throw error
  }
  throw new Error('it came to its end')
}

describe('a program that is being built', () => {
  it.each<readonly [string, string, Wrong]>([
    ['of another width', 'register-width', (builder) => builder.read(24 as Bits, 0)],
    ['off its width', 'region-misaligned', (builder) => builder.write(32, 2, 0)],
    ['at no offset', 'region-outside', (builder) => builder.read(8, -1)],
    ['at half an offset', 'region-outside', (builder) => builder.read(8, 0.5)],
    ['of a value that is too wide', 'range-outside', (builder) => builder.write(8, 0, 256)],
    ['of a negative value', 'range-outside', (builder) => builder.write(32, 0, -1)],
    ['of a number that is not exact', 'range-outside', (builder) => builder.write(64, 0, 2 ** 53)],
    ['with a value beside the mask', 'range-outside', (builder) => builder.modify(32, 0, { mask: 1, value: 2 })],
    ['with a mask that is too wide', 'range-outside', (builder) => builder.poll(8, 0, { ...POLL, mask: 0x101 })],
    ['with a negative timeout', 'range-outside', (builder) => builder.poll(8, 0, { ...POLL, timeoutMs: -1 })],
    ['with a timeout that is none', 'range-outside', (builder) => builder.poll(8, 0, { ...POLL, timeoutMs: NaN })],
    [
      'with an interval that is too long',
      'range-outside',
      (builder) => builder.poll(8, 0, { ...POLL, intervalUs: 1e5 }),
    ],
    ['with half a microsecond', 'range-outside', (builder) => builder.delay(0.5)],
  ])('refuses a step %s', (_, code, add) => {
    const builder = registerProgram()
    expect(() => add(builder)).toThrow(expect.objectContaining({ code }))
    expect(builder.build().steps).toEqual([])
  })

  it('takes 10 s in all, and not a microsecond more', () => {
    const builder = registerProgram()
      .poll(8, 0, { ...POLL, timeoutMs: 9000 })
      .delay(1_000_000)
    expect(() => builder.delay(1)).toThrow(expect.objectContaining({ code: 'range-outside' }))
    expect(builder.build().steps).toHaveLength(2)
  })

  it('does not change what was built of it', () => {
    const builder = registerProgram().read(8, 0)
    const program = builder.build()
    builder.read(16, 2)
    expect([program.widths, builder.build().widths]).toEqual([[1], [1, 2]])
    expect(Object.isFrozen(program.steps) && Object.isFrozen(program.steps[0])).toBe(true)
  })

  it('prints its steps, of many the first', () => {
    const builder = registerProgram()
      .read(8, 1)
      .write(16, 2, 3)
      .modify(32, 4, { mask: 0xf0, value: 0x50 })
      .poll(64, 8, { ...POLL, timeoutMs: 2 })
      .fence()
      .delay(7)
    expect(String(builder.build())).toBe(
      'read8 0x1; write16 0x2 = 0x3; modify32 0x4 & 0xf0 = 0x50; poll64 0x8 & 0x1 == 0x1; fence; delay 7 µs',
    )
    for (let more = 0; more < 100; more++) builder.fence()
    expect(String(builder.build())).toMatch(/; … 106 steps$/)
  })
})

describe('a program that is interpreted', () => {
  it('makes its accesses in order, each once, with its width', () => {
    const port = new Port(0x1234_5678n)
    const program = registerProgram()
      .write(8, 1, 2)
      .read(16, 2)
      .modify(32, 4, { mask: 0xff, value: 0x11 })
      .fence()
      .read(64, 8)
      .build()
    interpret(program, port, new VirtualClock())
    expect(port.done).toEqual(['store8 1 2', 'load16 2', 'load32 4', 'store32 4 305419793', 'load64 8'])
  })

  it('polls at its interval, and gives what it read last', () => {
    const [port, clock] = [new Port(0n, 0n, 2n, 3n), new VirtualClock()]
    const program = registerProgram().poll(32, 0, { mask: 1, value: 1, timeoutMs: 10, intervalUs: 500 }).build()
    expect([...interpret(program, port, clock)]).toEqual([3n])
    expect([port.done.length, clock.now()]).toEqual([4, 1.5])
  })

  it('reads once more when the time is over, then gives up', () => {
    const [port, clock] = [new Port(0n), new VirtualClock()]
    const program = registerProgram().poll(32, 0, { mask: 1, value: 1, timeoutMs: 1, intervalUs: 400 }).build()
    expect(failure(port, program, clock)).toMatchObject({ code: 'timeout', step: 0, last: 0n })
    expect([port.done.length, clock.now()]).toEqual([4, 1])
  })

  it('reads once with no timeout', () => {
    const port = new Port(0n)
    failure(port, registerProgram().poll(32, 0, { mask: 1, value: 1, timeoutMs: 0 }).build())
    expect(port.done).toEqual(['load32 0'])
  })

  it('takes all ones for a device that came back when it does in time', () => {
    const port = new Port(0xffn, 0xffn, 0x01n)
    const program = registerProgram().poll(8, 0, POLL).build()
    expect([...interpret(program, port, new VirtualClock())]).toEqual([1n])
  })

  it('stops at an access that fails, with its code, its step and the values until then', () => {
    const port = new Port(5n, new ProbarError('decoding-off', 'no answer'))
    const program = registerProgram().read(32, 0).fence().read(32, 4).write(32, 8, 1).build()
    const error = failure(port, program)
    expect({ code: codeOf(error), step: error.step, values: [...error.values], last: error.last }).toEqual({
      code: 'decoding-off',
      step: 2,
      values: [5n],
      last: undefined,
    })
    expect(error.message).toBe('step 2 (read32 0x4): no answer')
    expect(port.done).toEqual(['load32 0', 'load32 4'])
  })

  it('lets a mistake of Probar through as it is', () => {
    const broken: AccessPort = {
      load: () => {
        throw new TypeError('a mistake')
      },
      store: () => undefined,
    }
    expect(() => interpret(registerProgram().read(8, 0).build(), broken, new VirtualClock())).toThrow(TypeError)
  })
})

describe('a program that is checked', () => {
  it('is refused where it leaves the region, or has 8 bytes where there is no such access', () => {
    const program = registerProgram().read(32, 0xc).read(64, 0x10).build()
    checkProgram(program, 0x18, 'whole')
    expect(() => checkProgram(program, 0x17, 'whole')).toThrow(expect.objectContaining({ code: 'region-outside' }))
    expect(() => checkProgram(program, 0x18, 'halves')).toThrow(expect.objectContaining({ code: 'register-width' }))
  })
})
