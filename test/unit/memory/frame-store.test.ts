import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type PhysicalAddress, physicalAddress } from '../../../src/base/address.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { FREED_BYTE, type FrameRequest, FrameStore } from '../../../src/memory/frame-store.ts'
import { describeOverNative } from './providers.ts'

const FRAMES = 24

/** Which frames are owned, and the byte that each holds. */
interface Model {
  readonly owned: Set<number>
  readonly bytes: number[]
  readonly lists: Uint32Array[]
}

const open = (native: FrameStore['native'], frames = FRAMES): FrameStore =>
  new FrameStore({ native, frames, random: seededRandom(1n) })

const pfnOf = (store: FrameStore, index: number): number => Number(store.pfn(index))

/** Frames that the request may have, by looking at each. */
function candidates(store: FrameStore, model: Model, { low, high }: FrameRequest): number[] {
  const [first, last] = [(low ?? 0n) >> 12n, (high ?? (1n << 64n) - 1n) >> 12n]
  const all = Array.from({ length: FRAMES }, (_, index) => index)
  return all.filter((index) => {
    const frame = BigInt(pfnOf(store, index))
    return !model.owned.has(index) && frame >= first && frame <= last
  })
}

/** The longest run of adjacent frame numbers that begins at an aligned one. */
function longestRun(store: FrameStore, free: readonly number[], alignment: number): number {
  const numbers = new Set(free.map((index) => pfnOf(store, index)))
  const runs = [...numbers].map((frame) => {
    if (frame % alignment !== 0) return 0
    let length = 1
    while (numbers.has(frame + length)) length++
    return length
  })
  return Math.max(0, ...runs)
}

class Allocate implements fc.Command<Model, FrameStore> {
  readonly request: FrameRequest

  constructor(request: FrameRequest) {
    this.request = request
  }

  check = (): boolean => true

  run(model: Model, store: FrameStore): void {
    const { count, contiguous = false, alignment = 1 } = this.request
    const free = candidates(store, model, this.request)
    const got = store.allocate(this.request)
    expect(new Set(got).size).toBe(got.length)
    for (const index of got) expect(free).toContain(index)
    if (contiguous) {
      expect(got.length).toBe(longestRun(store, free, alignment) >= count ? count : 0)
      const numbers = [...got].map((index) => pfnOf(store, index))
      expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i))
      expect((numbers[0] ?? 0) % alignment).toBe(0)
    } else expect(got.length).toBe(Math.min(count, free.length))
    for (const index of got) model.owned.add(index)
    if (got.length > 0) model.lists.push(got)
  }

  toString = (): string => `allocate(${fc.stringify(this.request)})`
}

class Fill implements fc.Command<Model, FrameStore> {
  readonly pick: number
  readonly byte: number

  constructor(pick: number, byte: number) {
    this.pick = pick
    this.byte = byte
  }

  check = ({ lists }: Readonly<Model>): boolean => lists.length > 0

  run(model: Model, store: FrameStore): void {
    for (const index of model.lists[this.pick % model.lists.length] ?? []) {
      if (this.byte === 0) store.zero(Uint32Array.of(index))
      else store.write(index * PAGE_SIZE, new Uint8Array(PAGE_SIZE).fill(this.byte))
      model.bytes[index] = this.byte
    }
  }

  toString = (): string => `fill(#${this.pick}, ${this.byte})`
}

class Free implements fc.Command<Model, FrameStore> {
  readonly pick: number

  constructor(pick: number) {
    this.pick = pick
  }

  check = ({ lists }: Readonly<Model>): boolean => lists.length > 0

  run(model: Model, store: FrameStore): void {
    const [list = new Uint32Array()] = model.lists.splice(this.pick % model.lists.length, 1)
    store.free(list)
    for (const index of list) {
      model.owned.delete(index)
      model.bytes[index] = FREED_BYTE
    }
  }

  toString = (): string => `free(#${this.pick})`
}

class Inspect implements fc.Command<Model, FrameStore> {
  check = (): boolean => true

  run(model: Model, store: FrameStore): void {
    expect(store.allocated).toBe(model.owned.size)
    const bytes = store.read(0, store.size)
    for (let index = 0; index < FRAMES; index++) {
      const page = bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE)
      const expected = model.bytes[index]
      expect({ index, other: page.findIndex((byte) => byte !== expected) }).toEqual({ index, other: -1 })
    }
  }

  toString = (): string => 'inspect'
}

/** Addresses at and around what the two banks of so many frames have. */
const address = fc
  .tuple(fc.constantFrom(0x0800_0000n, 0x1_8000_0000n), fc.integer({ min: -2, max: 14 }), fc.integer({ max: 4095 }))
  .map(([bank, page, bytes]) => physicalAddress(bank + BigInt(page * PAGE_SIZE) + BigInt(Math.abs(bytes) % PAGE_SIZE)))

const request: fc.Arbitrary<FrameRequest> = fc
  .record({
    count: fc.integer({ min: 1, max: 14 }),
    low: fc.option(address, { nil: undefined }),
    high: fc.option(address, { nil: undefined }),
    contiguous: fc.boolean(),
    alignment: fc.constantFrom(1, 2, 4, 8),
  })
  .map(({ low, high, ...rest }) => ({
    ...rest,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
  }))

const commands = fc.commands(
  [
    request.map((asked) => new Allocate(asked)),
    fc.tuple(fc.nat(), fc.constantFrom(0, 0x11, 0xff)).map(([pick, byte]) => new Fill(pick, byte)),
    fc.nat().map((pick) => new Free(pick)),
    fc.constant(new Inspect()),
  ],
  { maxCommands: 25 },
)

describeOverNative('a frame store', (native) => {
  let store: FrameStore
  beforeAll(() => void (store = open(native)))
  afterAll(() => store.close())

  it('agrees with one owner and one byte a frame, whatever is allocated, written and freed', () => {
    fc.assert(
      fc.property(commands, (steps) => {
        using fresh = open(native)
        const model: Model = { owned: new Set(), bytes: Array.from({ length: FRAMES }, () => 0), lists: [] }
        fc.modelRun(() => ({ model, real: fresh }), [...steps, new Inspect()])
      }),
      { numRuns: 60 },
    )
  })

  it('hands out frames in an order of its seed, in runs as well as apart', () => {
    const [one, same] = [open(native, 512), open(native, 512)]
    const indices = [...one.allocate({ count: 256 })]
    expect([...same.allocate({ count: 256 })]).toEqual(indices)
    const following = indices.filter((index, i) => i > 0 && index === (indices[i - 1] ?? 0) + 1).length
    expect(following).toBeGreaterThan(16)
    expect(following).toBeLessThan(200)
    one.close()
    same.close()
  })

  it('finds the same runs when it is told how far it has searched', () => {
    const anyRun = fc.record({ count: fc.integer({ min: 1, max: 5 }), alignment: fc.constantFrom(1, 2, 4) })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), anyRun, (taken, run) => {
        using told = open(native)
        using untold = open(native)
        for (const store of [told, untold]) store.allocate({ count: taken })
        const runs = (next: (last: number) => Uint32Array): number[] => {
          const found: number[] = []
          for (let one = next(-1); one.length > 0; one = next(one.at(-1) ?? -1)) found.push(...one)
          return found
        }
        const contiguous = { ...run, contiguous: true }
        const all = runs(() => untold.allocate(contiguous))
        expect(runs((after) => told.allocate({ ...contiguous, after }))).toEqual(all)
      }),
      { numRuns: 40 },
    )
  })

  it.each([
    ['never allocated', [3]],
    ['allocated in part', [0, 5]],
  ])('frees nothing of a list that was %s', (_, list) => {
    using fresh = open(native)
    const high = physicalAddress(Number(fresh.physicalAddress(0)))
    expect([...fresh.allocate({ count: 1, high })]).toEqual([0])
    expect(() => fresh.free(Uint32Array.from(list))).toThrow(expect.objectContaining({ code: 'internal' }))
    expect(fresh.allocated).toBe(1)
  })

  it('is not used after close, and closes twice', () => {
    const closed = open(native)
    closed.close()
    closed.close()
    const uses = [
      () => closed.allocate({ count: 1 }),
      () => closed.read(0, 1),
      () => closed.write(0, Uint8Array.of(1)),
      () => closed.zero(Uint32Array.of(0)),
    ]
    for (const use of uses) expect(use).toThrow(expect.objectContaining({ code: 'closed' }))
  })
})

describe('frame numbers', () => {
  const memory = {} as FrameStore['native']
  const layout = (frames: number, avoid: readonly { start: bigint; size: number }[]): FrameStore =>
    new FrameStore({
      native: { ...memory, createMemory: () => 1, address: () => 0x1000_0000 },
      frames,
      random: seededRandom(1n),
      avoid,
    })
  const range = fc.record({
    start: fc.bigInt({ min: 0x0700_0000n, max: 0x1_9000_0000n }),
    size: fc.constantFrom(1, 4096, 0x10_0000, 0x1000_0000, 2 ** 33),
  })
  const avoided = fc.array(range, { maxLength: 5 })

  it('are each one frame only, avoid every given range, and lead back to the index', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), avoided, (frames, avoid) => {
        const store = layout(frames, avoid)
        const numbers = Array.from({ length: frames }, (_, index) => pfnOf(store, index))
        expect(new Set(numbers).size).toBe(frames)
        numbers.forEach((frame, index) => {
          if (store.indexOf(frame) !== index) throw new Error(`frame ${frame} is not index ${index}`)
        })
        for (const frame of numbers) {
          const start = BigInt(frame) * 4096n
          const hit = avoid.find((one) => one.start < start + 4096n && start < one.start + BigInt(one.size))
          if (hit !== undefined) throw new Error(`frame ${frame} lies in ${fc.stringify(hit)}`)
        }
      }),
    )
  })

  it('lie below and above 4 GiB when nothing is in the way', () => {
    const store = layout(8, [])
    const addresses = Array.from({ length: 8 }, (_, index): PhysicalAddress => store.physicalAddress(index))
    expect(addresses.filter((one) => one < 1n << 28n)).toHaveLength(4)
    expect(addresses.filter((one) => one > 1n << 32n)).toHaveLength(4)
  })

  it('writes numbers as 64-bit ones, also above 2^32, in the order of the frames', () => {
    const store = layout(64, [{ start: 2n ** 32n, size: 2 ** 45 }])
    const indices = Uint32Array.from({ length: 64 }, (_, i) => (i * 37) % 64)
    const numbers = new BigUint64Array(64)
    store.writePfns(indices, new Uint32Array(numbers.buffer))
    expect([...numbers]).toEqual([...indices].map((index) => BigInt(store.pfn(index))))
    expect(() => store.writePfns(Uint32Array.of(64), new Uint32Array(2))).toThrow('there is no frame 64')
  })

  it.each([-1, 8, 1000])('are none for index %s of 8', (index) => {
    let code: unknown
    try {
      layout(8, []).pfn(index)
    } catch (error) {
      code = codeOf(error)
    }
    expect(code).toBe('range-outside')
  })

  it('of nobody have no index', () => {
    const store = layout(8, [])
    expect([0, pfnOf(store, 0) - 1, pfnOf(store, 3) + 1, pfnOf(store, 7) + 1].map((one) => store.indexOf(one))).toEqual(
      [undefined, undefined, undefined, undefined],
    )
  })
})
