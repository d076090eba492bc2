import { truncateSync } from 'node:fs'
import { expect, it, jest } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../../src/base/clock.ts'
import { codeOf } from '../../src/base/errors.ts'
import { runNative } from '../../src/backend/vfio-device/registers/native-program.ts'
import { type AccessPort, checkProgram, interpret } from '../../src/device/register-program/interpret.ts'
import { RegisterProgramError } from '../../src/device/register-program/outcome.ts'
import { type Bits, type RegisterProgram, registerProgram } from '../../src/device/register-program/program.ts'
import type { Area } from '../../src/native/surface.ts'
import { ProgramStatus, REPORT_HEADER, ReportWord } from '../../src/native/register-surface.ts'
import { PAGE } from './fixture.ts'
import { newestMemoryFile, runNode } from './process.ts'
import { ADDON_PATH, codeThrownBy, describeAddon } from './providers.ts'

// Processes of their own take longer where cores are few.
jest.setTimeout(60_000)

const ALL = (1n << 64n) - 1n
const blocks = [Uint8Array, Uint16Array, Uint32Array, BigUint64Array] as const

describeAddon('a block of registers', ({ memory: surface, vfio }) => {
  const open = (): Area => surface.createMemory(2 * PAGE)
  const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index + 1)

  it.each(blocks)('goes from one offset to the next (%p)', (Block) => {
    const memory = open()
    surface.write(memory, 8, counted(32))
    const into = new Block(32 / Block.BYTES_PER_ELEMENT)
    vfio.loadBlock(memory, 8, into, false)
    expect(new Uint8Array(into.buffer)).toEqual(counted(32))
    vfio.storeBlock(memory, 64, into, false)
    expect(surface.read(memory, 63, 34)).toEqual(Uint8Array.of(0, ...counted(32), 0))
    surface.release(memory)
  })

  it.each(blocks)('stays where it is told to (%p)', (Block) => {
    const memory = open()
    const width = Block.BYTES_PER_ELEMENT
    surface.write(memory, 8, counted(32))
    const into = new Block(3)
    vfio.loadBlock(memory, 8, into, true)
    expect(new Uint8Array(into.buffer)).toEqual(Uint8Array.of(...[0, 1, 2].flatMap(() => [...counted(width)])))
    const from = new Block(3)
    new Uint8Array(from.buffer).set(counted(3 * width))
    vfio.storeBlock(memory, 64, from, true)
    expect(surface.read(memory, 64, 16)).toEqual(
      Uint8Array.from({ length: 16 }, (_, index) => (index < width ? 2 * width + index + 1 : 0)),
    )
    surface.release(memory)
  })

  it('may be part of a larger buffer, and touches nothing beside it', () => {
    const memory = open()
    surface.fill(memory, 0, 64, 0xee)
    const whole = new Uint32Array(8)
    vfio.loadBlock(memory, 0, whole.subarray(2, 4), false)
    expect([...whole]).toEqual([0, 0, 0xeeee_eeee, 0xeeee_eeee, 0, 0, 0, 0])
    surface.release(memory)
  })

  it('is refused outside, off its width, of another type, detached, or closed, and may be empty', () => {
    const memory = open()
    const words = new Uint32Array(2)
    const gone = new Uint32Array(new ArrayBuffer(16))
    structuredClone(gone, { transfer: [gone.buffer] })
    const attempt = (offset: unknown, block: unknown, fixed: unknown = false, area: Area = memory) =>
      (['loadBlock', 'storeBlock'] as const).map((call) =>
        codeThrownBy(() => vfio[call](area, offset as number, block as Uint32Array, fixed as boolean)),
      )
    expect(attempt(2 * PAGE - 4, words)).toEqual(['range-outside', 'range-outside'])
    expect(attempt(2 * PAGE, words, true)).toEqual(['range-outside', 'range-outside'])
    expect(attempt(2 ** 53 - 8, words)).toEqual(['range-outside', 'range-outside'])
    expect(attempt(NaN, words)).toEqual(['range-outside', 'range-outside'])
    expect(attempt(2, words)).toEqual(['region-misaligned', 'region-misaligned'])
    for (const wrong of [new Int32Array(2), new Float64Array(1), new DataView(new ArrayBuffer(8)), [1], undefined]) {
      expect(attempt(0, wrong)).toEqual(['internal', 'internal'])
    }
    expect(attempt(0, words, 1)).toEqual(['internal', 'internal'])
    expect(attempt(0, gone)).toEqual(['closed', 'closed'])
    expect(attempt(2 * PAGE - 4, words, true)).toEqual([{ returned: undefined }, { returned: undefined }])
    expect(attempt(0, new Uint32Array(0))).toEqual([{ returned: undefined }, { returned: undefined }])
    surface.release(memory)
    expect(attempt(0, words)).toEqual(['closed', 'closed'])
  })

  it('ends in an error where the memory has vanished, with the elements before it', () => {
    const memory = open()
    surface.fill(memory, 0, 2 * PAGE, 1)
    truncateSync(newestMemoryFile(), PAGE)
    const into = new Uint32Array(4)
    expect(codeThrownBy(() => vfio.loadBlock(memory, PAGE - 8, into, false))).toBe('access-violation')
    expect([...into]).toEqual([0x0101_0101, 0x0101_0101, 0, 0])
    expect(codeThrownBy(() => vfio.storeBlock(memory, PAGE - 8, into, false))).toBe('access-violation')
    surface.release(memory)
  })
})

const PLACES = 16
const size = PLACES * 8

/** Memory that JavaScript keeps, as the native interpreter's counterpart. */
class Bytes implements AccessPort {
  readonly view = new DataView(new ArrayBuffer(size))

  load(offset: number, width: number): bigint {
    let value = 0n
    for (let index = width - 1; index >= 0; index--) value = (value << 8n) | BigInt(this.view.getUint8(offset + index))
    return value
  }

  store(offset: number, width: number, value: bigint): void {
    for (let index = 0; index < width; index++) {
      this.view.setUint8(offset + index, Number((value >> BigInt(8 * index)) & 0xffn))
    }
  }
}

const stepOf = fc.record({
  kind: fc.constantFrom('read', 'write', 'modify', 'poll', 'fence', 'delay'),
  bits: fc.constantFrom<Bits>(8, 16, 32, 64),
  place: fc.nat({ max: PLACES - 1 }),
  value: fc.oneof(fc.constantFrom(0n, ALL), fc.bigInt({ min: 0n, max: ALL })),
  mask: fc.oneof(fc.constantFrom(0n, 1n, ALL), fc.bigInt({ min: 0n, max: ALL })),
  allOnesIsValue: fc.boolean(),
})

function built(steps: readonly (typeof stepOf extends fc.Arbitrary<infer T> ? T : never)[]): RegisterProgram {
  const builder = registerProgram()
  for (const { kind, bits, place, value, mask, allOnesIsValue } of steps) {
    const offset = place * 8
    const wide = { value: BigInt.asUintN(bits, value), mask: BigInt.asUintN(bits, mask) }
    const goal = { mask: wide.mask, value: wide.value & wide.mask }
    if (kind === 'read') builder.read(bits, offset)
    else if (kind === 'write') builder.write(bits, offset, wide.value)
    else if (kind === 'modify') builder.modify(bits, offset, goal)
    else if (kind === 'poll') builder.poll(bits, offset, { ...goal, timeoutMs: 0.01, intervalUs: 1, allOnesIsValue })
    else if (kind === 'fence') builder.fence()
    else builder.delay(1)
  }
  return builder.build()
}

function outcome(run: () => BigUint64Array): object {
  try {
    return { values: [...run()] }
  } catch (error) {
    if (!(error instanceof RegisterProgramError)) throw error
    const { step, values, last, message } = error
    return { code: codeOf(error), step, values: [...values], last, message }
  }
}

describeAddon('a register program', ({ memory: surface, vfio }) => {
  const memory = surface.createMemory(2 * PAGE)
  const run = (program: RegisterProgram, area = memory): BigUint64Array =>
    runNative(program, (words, report) => vfio.runProgram(area, words, report))

  it('does, gives and fails as the other interpreter says, whatever its steps', () => {
    fc.assert(
      fc.property(fc.array(stepOf, { maxLength: 12 }), (steps) => {
        const program = built(steps)
        const bytes = new Bytes()
        surface.fill(memory, 0, size, 0)
        expect(outcome(() => run(program))).toEqual(outcome(() => interpret(program, bytes, systemClock)))
        expect(surface.read(memory, 0, size)).toEqual(new Uint8Array(bytes.view.buffer))
      }),
      { numRuns: 500 },
    )
  })

  it('is refused for the same reason by both, and does nothing then', () => {
    const program = registerProgram()
      .write(32, 0, 7)
      .read(32, 2 * PAGE)
      .build()
    surface.fill(memory, 0, PAGE, 0)
    const refusals = [() => run(program), () => checkProgram(program, 2 * PAGE, 'whole')]
    expect(refusals.map(codeThrownBy)).toEqual(['region-outside', 'region-outside'])
    expect(surface.load32(memory, 0)).toBe(0)
  })

  it('never ends the process, whatever its words are', () => {
    const operation = fc.nat({ max: 7 })
    const word = fc
      .record({ operation, width: fc.constantFrom(0, 1, 2, 3, 4, 8, 255), rest: fc.nat({ max: 0xffff }) })
      .map(({ operation: op, width, rest }) => BigInt(op) | (BigInt(width) << 8n) | (BigInt(rest) << 16n))
    const any = fc.oneof(word, fc.bigInt({ min: 0n, max: ALL }), fc.constantFrom(0n, BigInt(2 * PAGE), ALL, ALL - 7n))
    fc.assert(
      fc.property(fc.array(any, { maxLength: 16 }), fc.nat({ max: 6 }), (list, reading) => {
        // No delay may be long: the words that are tried are to be many.
        const words = BigUint64Array.from(list, (value, index) => (index % 4 === 0 ? value & 0xff_ffff_ffffn : value))
        const report = new BigUint64Array(REPORT_HEADER + reading)
        const ended = codeThrownBy(() => vfio.runProgram(memory, words, report))
        if (typeof ended === 'string') expect(ended).toMatch(/^(range-outside|region-\w+|register-width)$/)
        else expect(report[ReportWord.status] ?? ALL).toBeLessThanOrEqual(ProgramStatus.missed)
      }),
      { numRuns: 3000 },
    )
  })

  it('is refused with a spare bit, a value wider than its access or its mask, or more than 10 s', () => {
    const read = 1n | (4n << 8n)
    const poll = 4n | (4n << 8n)
    const bad: readonly (readonly [string, readonly bigint[]])[] = [
      ['range-outside', [read | (1n << 16n), 0n, 0n, 0n]],
      ['range-outside', [read | (1n << 32n), 0n, 0n, 0n]],
      ['range-outside', [read, 0n, 1n, 0n]],
      ['range-outside', [read, 0n, 0n, 1n]],
      ['range-outside', [5n | (1n << 8n), 0n, 0n, 0n]],
      ['range-outside', [6n, 4n, 0n, 0n]],
      ['range-outside', [poll, 0n, 2n, 1n]],
      ['range-outside', [poll, 0n, 0n, 1n << 32n]],
      ['range-outside', [2n | (1n << 8n), 0n, 256n, 0n]],
      ['range-outside', [6n | (10_000_001n << 32n), 0n, 0n, 0n]],
      ['range-outside', [0n, 0n, 0n, 0n]],
      ['range-outside', [7n, 0n, 0n, 0n]],
      ['range-outside', [read, 0n, 0n]],
      ['register-width', [1n | (3n << 8n), 0n, 0n, 0n]],
      ['register-width', [1n, 0n, 0n, 0n]],
      ['region-misaligned', [read, 2n, 0n, 0n]],
      ['region-outside', [read, BigInt(2 * PAGE), 0n, 0n]],
      ['region-outside', [read, ALL - 3n, 0n, 0n]],
    ]
    for (const [code, words] of bad) {
      const report = new BigUint64Array(REPORT_HEADER + 1)
      expect([words, codeThrownBy(() => vfio.runProgram(memory, BigUint64Array.from(words), report))]).toEqual([
        words,
        code,
      ])
    }
  })

  it('needs a report of its own size', () => {
    const { words } = registerProgram().read(32, 0).build()
    for (const length of [0, REPORT_HEADER, REPORT_HEADER + 2]) {
      expect(codeThrownBy(() => vfio.runProgram(memory, words, new BigUint64Array(length)))).toBe('range-outside')
    }
  })

  it('stops where the memory has vanished, and keeps the values until then', () => {
    const area = surface.createMemory(2 * PAGE)
    surface.store32(area, 0, 0x1234)
    truncateSync(newestMemoryFile(), PAGE)
    const program = registerProgram().read(32, 0).delay(100).write(32, 4, 1).read(32, PAGE).write(32, 8, 1).build()
    for (let time = 0; time < 3; time++) {
      expect(outcome(() => run(program, area))).toMatchObject({ code: 'device-gone', step: 3, values: [0x1234n] })
    }
    expect([surface.load32(area, 4), surface.load32(area, 8)]).toEqual([1, 0])
    const poll = registerProgram().read(32, 0).poll(32, PAGE, { mask: 1, value: 1, timeoutMs: 9000 }).build()
    expect(outcome(() => run(poll, area))).toMatchObject({ code: 'device-gone', step: 1, values: [0x1234n] })
    surface.release(area)
  })

  it('stops where nothing is mapped', () => {
    const space = surface.reserve(PAGE)
    const program = registerProgram().fence().write(8, 0, 1).build()
    expect(outcome(() => run(program, space))).toMatchObject({ code: 'access-violation', step: 1, values: [] })
    surface.release(space)
  })

  it('is closed with its area', () => {
    const area = surface.createMemory(PAGE)
    surface.release(area)
    expect(codeThrownBy(() => run(registerProgram().build(), area))).toBe('closed')
  })

  it('faults in one thread while others run theirs', () => {
    const program = [...registerProgram().read(32, 0).delay(20).read(32, PAGE).build().words]
    const worker = `const native = require(${JSON.stringify(ADDON_PATH)})
      const { parentPort, workerData } = require('node:worker_threads')
      const space = native.reserve(2 * ${PAGE})
      const memory = native.createMemory(${PAGE})
      native.mapFrames(native.address(space), memory, Uint32Array.of(0), 3)
      const words = BigUint64Array.from(${JSON.stringify(program.map(String))}, BigInt)
      const seen = new Set()
      for (let time = 0; time < 5000; time++) {
        native.store32(memory, 0, time)
        const report = new BigUint64Array(${REPORT_HEADER + 2})
        native.runProgram(space, words, report)
        seen.add([report[0], report[1], report[2], report[${REPORT_HEADER}] === BigInt(time)].join())
      }
      parentPort.postMessage([...seen])`
    const ended = runNode(`const { Worker } = require('node:worker_threads')
      for (let i = 0; i < 3; i++) new Worker(${JSON.stringify(worker)}, { eval: true }).on('message', (seen) => console.log(seen.join(' ')))`)
    expect(ended).toMatchObject({ status: 0, stdout: '3,2,1,true\n'.repeat(3) })
  })

  it('has as many steps as it may', () => {
    const builder = registerProgram()
    for (let step = 0; step < 65_536; step++) builder.read(8, 0)
    expect(codeThrownBy(() => builder.read(8, 0))).toBe('range-outside')
    const program = builder.build()
    expect(run(program).length).toBe(65_536)
    const longer = new BigUint64Array(program.words.length + 4)
    longer.set(program.words)
    longer.set(registerProgram().fence().build().words, program.words.length)
    const report = new BigUint64Array(REPORT_HEADER + 65_536)
    expect(codeThrownBy(() => vfio.runProgram(memory, longer, report))).toBe('range-outside')
  })
})
