import { expect, it } from '@jest/globals'
import { advance, type Va, va } from '../../../src/base/address.ts'
import { ProbarError, codeOf } from '../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { Frames, Region, RegionView } from '../../../src/device/contract.ts'
import { AddressSpace } from '../../../src/memory/address-space.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { type MemorySurface, Protection } from '../../../src/native/surface.ts'
import { describeOverNative } from './providers.ts'

const RANGE = 16 * PAGE_SIZE
const { readWrite, read } = Protection

class Bench implements AsyncDisposable {
  readonly frames: FrameStore
  readonly space: AddressSpace

  constructor(native: MemorySurface) {
    this.frames = new FrameStore({ native, frames: 32, random: seededRandom(1n) })
    this.space = new AddressSpace({ native, rangeSize: RANGE })
  }

  of(...indices: number[]): Frames {
    return { memory: this.frames, indices: Uint32Array.from(indices) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.space[Symbol.asyncDispose]()
    this.frames.close()
  }
}

function code(act: () => unknown): unknown {
  try {
    return { returned: act() }
  } catch (error) {
    return codeOf(error) ?? error
  }
}

/** A BAR of two pages whose views do nothing but note that they were closed. */
function fakeBar(closed: Va[], refusal?: ProbarError): Region {
  const map = (_offset: number, length: number, at: Va): RegionView => {
    if (refusal !== undefined) throw refusal
    return { address: at, length, close: () => void closed.push(at) } as unknown as RegionView
  }
  return { size: 2 * PAGE_SIZE, map } as unknown as Region
}

describeOverNative('an address space', (native) => {
  it('shows scattered frames as one range, in their order', async () => {
    await using bench = new Bench(native)
    const order = [7, 3, 4, 30]
    for (const [i, index] of order.entries()) bench.frames.write(index * PAGE_SIZE, Uint8Array.of(i + 1))
    const view = bench.space.mapFrames(bench.of(...order), readWrite, 'system')
    expect(view.size).toBe(4 * PAGE_SIZE)
    expect(order.map((_, i) => bench.space.read(advance(view.address, i * PAGE_SIZE), 1)[0])).toEqual([1, 2, 3, 4])
  })

  it('shows stores through one view in every other', async () => {
    await using bench = new Bench(native)
    const [one, other] = (['system', 'user'] as const).map((mode) =>
      bench.space.mapFrames(bench.of(5, 9), readWrite, mode),
    )
    const bytes = Uint8Array.from({ length: PAGE_SIZE + 100 }, (_, i) => i % 251)
    one?.write(50, bytes)
    expect(other?.compare(50, bytes)).toBe(-1)
    expect(bench.frames.read(9 * PAGE_SIZE, 1)[0]).toBe(bytes[PAGE_SIZE - 50])
  })

  it('puts user views below the probe address and system views from it on', async () => {
    await using bench = new Bench(native)
    const user = bench.space.mapFrames(bench.of(1), readWrite, 'user')
    const system = bench.space.mapFrames(bench.of(1), readWrite, 'system')
    expect(user.address).toBeLessThan(bench.space.userProbeAddress)
    expect(system.address).toBeGreaterThanOrEqual(bench.space.userProbeAddress)
  })

  it('has a guard page on each side of a view, even between neighbours', async () => {
    await using bench = new Bench(native)
    const views = [1, 2, 3].map((index) => bench.space.mapFrames(bench.of(index), readWrite, 'system'))
    const starts = views.map(({ address }) => Number(address)).toSorted((a, b) => a - b)
    for (const [i, start] of starts.slice(1).entries()) {
      expect(start - (starts[i] ?? 0)).toBeGreaterThanOrEqual(2 * PAGE_SIZE)
    }
    for (const { address, size } of views) {
      for (const outside of [advance(address, -1), advance(address, size)]) {
        expect(code(() => bench.space.read(outside, 1))).toBe('access-violation')
        expect(code(() => bench.space.write(outside, Uint8Array.of(1)))).toBe('access-violation')
      }
    }
  })

  it('lets no access run past the end of a view', async () => {
    await using bench = new Bench(native)
    const { address, size } = bench.space.mapFrames(bench.of(1), readWrite, 'system')
    const last = advance(address, size - 1)
    expect(code(() => bench.space.read(last, 2))).toBe('range-outside')
    expect(code(() => bench.space.write(last, Uint8Array.of(1, 2)))).toBe('range-outside')
    expect(code(() => bench.space.fill(last, 2, 0))).toBe('range-outside')
    expect(bench.space.read(last, 1)).toHaveLength(1)
  })

  it('ends an address with its view; the frames keep their bytes', async () => {
    await using bench = new Bench(native)
    const view = bench.space.mapFrames(bench.of(6), readWrite, 'system')
    view.write(0, Uint8Array.of(42))
    bench.space.unmap(view.address)
    expect(code(() => bench.space.read(view.address, 1))).toBe('access-violation')
    expect(code(() => view.read(0, 1))).toBe('closed')
    expect(code(() => bench.space.unmap(view.address))).toBe('access-violation')
    expect(bench.space.views).toBe(0)
    expect(bench.frames.read(6 * PAGE_SIZE, 1)[0]).toBe(42)
  })

  it('unmaps by the first address of a view only', async () => {
    await using bench = new Bench(native)
    const view = bench.space.mapFrames(bench.of(1, 2), readWrite, 'system')
    expect(code(() => bench.space.unmap(advance(view.address, PAGE_SIZE)))).toBe('access-violation')
    expect(bench.space.views).toBe(1)
  })

  it('refuses stores into a read-only view and lets them through another', async () => {
    await using bench = new Bench(native)
    const view = bench.space.mapFrames(bench.of(2), read, 'user')
    expect(code(() => bench.space.write(view.address, Uint8Array.of(1)))).toBe('access-violation')
    const writable = bench.space.mapFrames(bench.of(2), readWrite, 'user')
    bench.space.write(writable.address, Uint8Array.of(9))
    expect(bench.space.read(view.address, 1)[0]).toBe(9)
  })

  it('takes a fixed address that is free, once', async () => {
    await using bench = new Bench(native)
    const at = advance(bench.space.userProbeAddress, -4 * PAGE_SIZE)
    expect(bench.space.mapFrames(bench.of(1), readWrite, 'user', at).address).toBe(at)
    expect(code(() => bench.space.mapFrames(bench.of(2), readWrite, 'user', at))).toBe('range-outside')
    expect(code(() => bench.space.mapFrames(bench.of(2), readWrite, 'user', advance(at, PAGE_SIZE)))).toBe(
      'range-outside',
    )
    bench.space.unmap(at)
    expect(bench.space.mapFrames(bench.of(2), readWrite, 'user', at).address).toBe(at)
  })

  it.each([
    ['in the other range', (space: AddressSpace) => space.userProbeAddress],
    ['without room for a guard page above', (space: AddressSpace) => advance(space.userProbeAddress, -PAGE_SIZE)],
    ['outside of everything', () => va(PAGE_SIZE)],
    ['off a page boundary', (space: AddressSpace) => advance(space.userProbeAddress, -4 * PAGE_SIZE - 8)],
  ])('refuses a fixed address %s and takes nothing', async (_, place) => {
    await using bench = new Bench(native)
    const at = place(bench.space)
    expect(codeOf(thrown(() => bench.space.mapFrames(bench.of(1), readWrite, 'user', at)))).toBeDefined()
    expect(bench.space.views).toBe(0)
    const whole = Array.from({ length: 14 }, (__, i) => i)
    expect(bench.space.mapFrames(bench.of(...whole), readWrite, 'user').size).toBe(14 * PAGE_SIZE)
  })

  it('says when there is no room, and has it again after unmap', async () => {
    await using bench = new Bench(native)
    const views = [1, 2, 3, 4, 5].map((index) => bench.space.mapFrames(bench.of(index), readWrite, 'system'))
    expect(code(() => bench.space.mapFrames(bench.of(6), readWrite, 'system'))).toBe('out-of-memory')
    for (const view of views) bench.space.unmap(view.address)
    const all = Array.from({ length: 14 }, (_, i) => i)
    expect(bench.space.mapFrames(bench.of(...all), readWrite, 'system').size).toBe(14 * PAGE_SIZE)
    expect(code(() => bench.space.mapFrames(bench.of(15), readWrite, 'system'))).toBe('out-of-memory')
  })

  it('refuses a view of nothing, and of a frame that is not there, and keeps the room', async () => {
    await using bench = new Bench(native)
    expect(code(() => bench.space.mapFrames(bench.of(), readWrite, 'system'))).toBe('range-outside')
    expect(code(() => bench.space.mapFrames(bench.of(1, 32), readWrite, 'system'))).toBe('range-outside')
    const all = Array.from({ length: 14 }, (_, i) => i)
    expect(bench.space.mapFrames(bench.of(...all), readWrite, 'system').size).toBe(14 * PAGE_SIZE)
  })

  it('maps the pages of a BAR that hold a range, and tells them from memory', async () => {
    await using bench = new Bench(native)
    const closed: Va[] = []
    const view = bench.space.mapRegion(fakeBar(closed), PAGE_SIZE - 4, 8, 'system')
    expect(view.length).toBe(2 * PAGE_SIZE)
    expect(bench.space.find(advance(view.address, 20))).toMatchObject({ placed: { kind: 'registers' }, offset: 20 })
    expect(code(() => bench.space.read(view.address, 4))).toBe('access-violation')
    bench.space.unmap(view.address)
    expect(closed).toEqual([view.address])
  })

  it('keeps the room when a BAR refuses to be mapped', async () => {
    await using bench = new Bench(native)
    const bar = fakeBar([], new ProbarError('region-unmappable', 'no'))
    for (let i = 0; i < 20; i++) {
      expect(code(() => bench.space.mapRegion(bar, 0, 8, 'system'))).toBe('region-unmappable')
    }
    expect(bench.space.views).toBe(0)
  })

  it('ends every view when it is closed, twice without harm', async () => {
    await using bench = new Bench(native)
    const closed: Va[] = []
    const memory = bench.space.mapFrames(bench.of(1), readWrite, 'user')
    const registers = bench.space.mapRegion(fakeBar(closed), 0, 4, 'system')
    await bench.space[Symbol.asyncDispose]()
    await bench.space[Symbol.asyncDispose]()
    expect(code(() => memory.read(0, 1))).toBe('closed')
    expect(closed).toEqual([registers.address])
    expect(bench.space.views).toBe(0)
  })
})

function thrown(act: () => unknown): unknown {
  try {
    act()
    return undefined
  } catch (error) {
    return error
  }
}
