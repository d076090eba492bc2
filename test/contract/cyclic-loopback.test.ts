import { describe, expect, it } from '@jest/globals'
import { seededRandom } from '../../src/base/random.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { openLoopback } from '../../src/backend/loopback/device.ts'
import { sgFaults } from '../../src/backend/loopback/planted/defects.ts'
import type { CyclicEngine, CyclicStream } from '../../src/engine/cyclic.ts'
import { SgCyclicEngine } from '../../src/engine/sg/cyclic-engine.ts'
import { FrameStore } from '../../src/memory/frame-store.ts'
import { loadNative } from '../../src/native/load.ts'
import { altered } from './cases/plants/altered.ts'
import { type CyclicBench, cyclicChecks, describeCyclicContract, runCyclicCheck } from './cyclic-engine.ts'
import { noticedInLists, noticedInStreams } from './engines/sg-defects.ts'

async function open(ref = 'loopback:sg'): Promise<CyclicBench> {
  const random = seededRandom(3n)
  const device = openLoopback(ref, { clock: new VirtualClock(), random: () => random.below(2 ** 32) })
  device.config.write16(4, 6)
  const memory = new FrameStore({ native: loadNative().memory, frames: 64, random })
  const frames = [...memory.allocate({ count: 16 })]
  const engine = new SgCyclicEngine({ device, frames: memory, addressBits: 64, records: 'counter' })
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

describeCyclicContract('sg on the loopback', open)

const named = (words: string): (typeof cyclicChecks)[number] => {
  const check = cyclicChecks.find(({ name }) => name.includes(words))
  if (check === undefined) throw new Error(`no check is called ${words}`)
  return check
}

describe('a defect of sg is noticed by the contract of streams', () => {
  it.each(noticedInStreams)('%s: %s', async (fault, words) => {
    await expect(runCyclicCheck(named(words), () => open(`loopback:sg?fault=${fault}`))).rejects.toThrow()
  })
})

const streams =
  (alter: (stream: CyclicStream) => Partial<CyclicStream>) =>
  (engine: CyclicEngine): Partial<CyclicEngine> => ({
    open: async (buffer, options) => {
      const stream = await engine.open(buffer, options)
      return altered(stream, alter(stream))
    },
  })

/** Engines that are broken above a sound device. */
const broken: Readonly<Record<string, (engine: CyclicEngine) => Partial<CyclicEngine>>> = {
  'moves forward only': streams((stream) => ({ position: () => (stream.position() * 2) % stream.size })),
  'a paused stream': streams((stream) => ({ pause: (options) => stream.stop(options) })),
  'a closed stream': streams(() => ({ close: () => undefined, [Symbol.dispose]: () => undefined })),
  'the registers of a stream': streams(({ positionRegister }) => ({
    positionRegister: positionRegister && { ...positionRegister, offset: positionRegister.offset - 4 },
  })),
  'a buffer that the device cannot take': (engine) => ({
    open: (buffer, options) =>
      engine.open({ ...buffer, ...(buffer.notifyAt?.includes(0) === true && { notifyAt: [128] }) }, options),
  }),
  'without places to notify at': streams(() => ({ notifications: () => 1 })),
  'once the engine is closed': () => ({ close: () => undefined }),
}

describe('a broken engine of streams is noticed by the contract', () => {
  it.each(Object.entries(broken))('%s', async (words, alter) => {
    const bench = async (): Promise<CyclicBench> => {
      const sound = await open()
      return { ...sound, engine: altered(sound.engine, alter(sound.engine)) }
    }
    await expect(runCyclicCheck(named(words), bench)).rejects.toThrow()
  })

  it('where every check is concerned', () => {
    const words = [...noticedInStreams.map(([, one]) => one), ...Object.keys(broken)]
    const unseen = cyclicChecks.filter(({ name }) => !words.some((one) => name.includes(one)))
    expect(unseen.map(({ name }) => name)).toEqual([])
  })
})

it('no defect can be planted into sg that no contract of engines notices', () => {
  // The last one is noticed by a test of its own: an abort of sg ends the command under way.
  const noticed = new Set<string>([...[...noticedInLists, ...noticedInStreams].map(([fault]) => fault), 'abort-lost'])
  expect(Object.keys(sgFaults).filter((fault) => !noticed.has(fault))).toEqual([])
})
