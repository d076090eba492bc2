import { describe, expect, it } from '@jest/globals'
import { sleep } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { openLoopback } from '../../src/backend/loopback/device.ts'
import { EduEngine } from '../../src/engine/edu/engine.ts'
import { SgEngine } from '../../src/engine/sg/engine.ts'
import type { Device } from '../../src/device/contract.ts'
import type { DmaEngine } from '../../src/engine/contract.ts'
import { FrameStore } from '../../src/memory/frame-store.ts'
import { loadNative } from '../../src/native/load.ts'
import { failure } from './bench.ts'
import { altered } from './cases/plants/altered.ts'
import { abortChecks } from './engines/aborts.ts'
import { listChecks } from './engines/lists.ts'
import { orderChecks } from './engines/order.ts'
import { noticedInLists } from './engines/sg-defects.ts'
import { type EngineBench, describeEngineContract, engineChecks, runEngineCheck } from './engine.ts'

async function open(ref: string, addressBits = 28): Promise<EngineBench> {
  const random = seededRandom(3n)
  const device = openLoopback(ref, { clock: new VirtualClock(), random: () => random.below(2 ** 32) })
  device.config.write16(4, 6)
  const memory = new FrameStore({ native: loadNative().memory, frames: 64, random })
  const frames = [...memory.allocate({ count: 16 })]
  const engine = engineFor(ref, device, memory, addressBits)
  return {
    engine,
    device,
    memory,
    frames,
    close() {
      engine.close()
      device.close()
      memory.close()
    },
  }
}

function engineFor(ref: string, device: Device, frames: FrameStore, addressBits: number): DmaEngine {
  if (ref.startsWith('loopback:sg')) {
    return new SgEngine({ device, frames, addressBits, maxTransfer: 0x4000, granularity: 1 })
  }
  return new EduEngine({ device, frames, addressBits, maxTransfer: 4095, bufferOffset: 0x4_0000 })
}

describeEngineContract('edu on the loopback', () => open('loopback:edu'))
describeEngineContract('edu with all address bits', () => open('loopback:edu?dma_mask=0xffffffffffffffff', 64))
describeEngineContract('sg on the loopback', () => open('loopback:sg', 64))
describeEngineContract('sg with 32 address bits', () => open('loopback:sg?dma_mask=0xffffffff', 32))

const named = (words: string): (typeof engineChecks)[number] => {
  const check = engineChecks.find(({ name }) => name.includes(words))
  if (check === undefined) throw new Error(`no check is called ${words}`)
  return check
}

describe('a defect below the engine is noticed by the contract', () => {
  it.each([
    ['dma-writes-lost', 'a write reaches'],
    ['dma-drops-last-byte', 'a write reaches'],
    ['dma-writes-one-byte-too-many', 'a write reaches'],
    ['dma-writes-before', 'a write reaches'],
    ['dma-shifts-by-one', 'a write reaches'],
    ['dma-swaps-bytes', 'a read gathers'],
    ['dma-reads-zeros', 'a read gathers'],
    ['dma-page-offset-lost', 'a read gathers'],
    ['dma-ignores-length-above-2048', 'split, both ways'],
    ['iommu-keeps-translation', 'what the device received'],
    ['dma-done-early', 'a time limit'],
    ['irq-at-completion-lost', 'seen by interrupt'],
    ['irq-lost', 'interrupts on demand'],
    ['interrupt-status-lost', 'interrupts on demand'],
    ['dma-never-completes', 'a write reaches'],
  ])('%s: %s', async (fault, words) => {
    await expect(runEngineCheck(named(words), () => open(`loopback:edu?fault=${fault}`))).rejects.toThrow()
  })
})

describe('a defect of sg is noticed by the contract', () => {
  it.each(noticedInLists)('%s: %s', async (fault, words) => {
    await expect(runEngineCheck(named(words), () => open(`loopback:sg?fault=${fault}`, 64))).rejects.toThrow()
  })
})

/**
 * How much a device still moves after an abort is its own to say, so no contract asks for it: an engine waits for the end of a
 * device that does not heed it. sg gives up in the midst of a command.
 */
describe('an abort of sg', () => {
  it.each([
    ['loopback:sg', true],
    ['loopback:sg?fault=abort-lost', false],
  ])('ends the command under way: %s, %s', async (ref, ended) => {
    const bench = await open(ref, 64)
    const indices = Uint32Array.from(bench.frames.slice(0, 4))
    const mapping = bench.device.dma.map({ memory: bench.memory, indices }, 'write')
    const first = (frame: number): number => bench.memory.read(frame * PAGE_SIZE, 1)[0] ?? 0
    const written = failure(() => bench.engine.write(mapping.segments, new Uint8Array(4 * PAGE_SIZE).fill(7)))
    while (first(indices[0] ?? 0) !== 7) await sleep(bench.device.clock, 0.5)
    await bench.engine.abort()
    expect(await written).toBe('cancelled')
    expect(first(indices[3] ?? 0) !== 7).toBe(ended)
    mapping.unmap()
    await bench.close()
  })
})

type Altered = (engine: DmaEngine) => Partial<DmaEngine>

/** Engines that are broken above a sound device. */
const brokenEngines: Readonly<Record<string, Altered>> = {
  'a list of more segments': (engine) => ({
    write: (target, data, options) => {
      const last = target.slice(0, data.length - target.at(target.count - 1).length)
      return engine.write(last, data.subarray(0, last.size), options)
    },
  }),
  'is no multiple of the alignment': (engine) => ({ abilities: { ...engine.abilities, alignment: 2 } }),
  'an idle device says so': () => ({ idle: () => true }),
  'a channel that there is not': (engine) => ({ idle: (channel = 0) => engine.idle(channel === 2 ? 1 : channel) }),
  'does not wait for another one': (engine) => {
    let last: Promise<unknown> = Promise.resolve()
    const turn = <T>(act: () => Promise<T>): Promise<T> => {
      const mine = last.then(act)
      last = mine
      return mine
    }
    return {
      write: (target, data, options) => turn(() => engine.write(target, data, options)),
      read: (source, options) => turn(() => engine.read(source, options)),
    }
  },
  'interrupts of one channel': (engine) => ({ interrupt: () => engine.interrupt() }),
  'an abort of a channel tells': () => ({ abort: async () => undefined }),
  'an abort where nothing is under way': (engine) => ({ abort: async () => engine.close() }),
  'an abort of one channel': (engine) => ({
    abort: async (channel, options) => {
      await engine.abort(0, options)
      await engine.abort(1, options)
      if (channel === undefined) throw new Error('the check names a channel')
    },
  }),
  'a closed engine leaves memory alone': () => ({ close: () => undefined }),
  // The data of who asks last reach everybody.
  'transfers that are asked for at once': (engine) => {
    let latest = new Uint8Array()
    return {
      write: async (target, data, options) => {
        latest = data.slice()
        await sleep(new VirtualClock(), 1)
        const mine = Uint8Array.from({ length: data.length }, (_, i) => latest[i] ?? 0)
        await engine.write(target, mine, options)
      },
    }
  },
  'does not take the next one': (engine) => {
    let last: Promise<unknown> = Promise.resolve()
    return {
      write: (target, data, options) => {
        const mine = last.then(() => engine.write(target, data, options))
        last = mine
        return mine
      },
    }
  },
  'segments without a byte': (engine) => ({
    write: (target, data, options) => {
      if (target.lengths.includes(0)) throw new RangeError('nothing is no segment')
      return engine.write(target, data, options)
    },
  }),
  'as many segments as one command takes': (engine) => ({
    write: (target, data, options) => {
      const taken = target.slice(0, Math.min(target.count, engine.abilities.listLength - 1))
      return engine.write(taken, data.subarray(0, taken.size), options)
    },
  }),
}

describe('a broken engine is noticed by the contract', () => {
  it.each(Object.entries(brokenEngines))('%s', async (words, alter) => {
    const broken = async (): Promise<EngineBench> => {
      const bench = await open('loopback:sg', 64)
      return { ...bench, engine: altered(bench.engine, alter(bench.engine)) }
    }
    await expect(runEngineCheck(named(words), broken)).rejects.toThrow()
  })

  it('where each check of lists, channels and aborts is concerned', () => {
    const words = [...Object.keys(brokenEngines), ...noticedInLists.map(([, one]) => one)]
    const unseen = [...listChecks, ...orderChecks, ...abortChecks].filter(
      ({ name }) => !words.some((one) => name.includes(one)),
    )
    expect(unseen.map(({ name }) => name)).toEqual([])
  })
})

describe('an engine over a device that does not end a transfer', () => {
  it('times out, by polling as by interrupt, and says what to do', async () => {
    const bench = await open('loopback:edu?fault=dma-never-completes,irq-at-completion-lost')
    const mapping = bench.device.dma.map(
      { memory: bench.memory, indices: Uint32Array.of(bench.frames[0] ?? 0) },
      'read',
    )
    const segments = mapping.segments.slice(0, 4)
    await expect(bench.engine.read(segments, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('reset the device'),
    })
    expect(await failure(() => bench.engine.read(segments, { timeoutMs: 300, completion: 'interrupt' }))).toBe(
      'timeout',
    )
    await bench.close()
  })
})

it('an engine that was told to stop while it waited for an interrupt takes none of that transfer for the next', async () => {
  const bench = await open('loopback:edu')
  const indices = Uint32Array.from(bench.frames.slice(0, 2))
  using mapping = bench.device.dma.map({ memory: bench.memory, indices }, 'both', { kind: 'join' })
  const abort = new AbortController()
  const completion = 'interrupt'
  const stopped = failure(() => bench.engine.read(mapping.segments.slice(0, 8), { completion, signal: abort.signal }))
  abort.abort()
  expect(await stopped).toBe('cancelled')
  const data = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)
  await bench.engine.write(mapping.segments.slice(0, data.length), data, { completion })
  expect(Buffer.compare(await bench.engine.read(mapping.segments.slice(0, data.length), { completion }), data)).toBe(0)
  await bench.close()
})

it('an engine takes no answer that never came for one', async () => {
  const bench = await open('loopback:edu?fault=dma-writes-lost')
  const [index = 0] = bench.frames
  const data = Uint8Array.from({ length: 64 }, (_, i) => i + 1)
  bench.memory.write(index * 4096, data)
  using mapping = bench.device.dma.map({ memory: bench.memory, indices: Uint32Array.of(index) }, 'both')
  const segments = mapping.segments.slice(0, data.length)
  // The same bytes went through the engine's own page before; the device has not brought them back.
  await bench.engine.write(segments, data)
  expect(Buffer.compare(await bench.engine.read(segments), data)).not.toBe(0)
  await bench.close()
})

it('an engine gives what the device received also where memory says otherwise', async () => {
  const bench = await open('loopback:edu?fault=dma-reads-zeros')
  const [index = 0] = bench.frames
  bench.memory.write(index * 4096, new Uint8Array(16).fill(0x55))
  using mapping = bench.device.dma.map({ memory: bench.memory, indices: Uint32Array.of(index) }, 'read')
  // The device received zeros, of the data as of the staging page, and that is what it gives back.
  const received = await bench.engine.read(mapping.segments.slice(0, 16))
  expect([...received]).toEqual(Array.from({ length: 16 }, () => 0))
  await bench.close()
})
