import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import type { Mapping } from '../../../../src/device/contract.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { QueuePair } from '../../../../src/engine/nvme/queues/queue-pair.ts'
import { failure } from '../../../contract/bench.ts'
import { type Changed, type NvmeBench, SCRATCH, openNvmeBench } from '../../../contract/nvme/bench.ts'
import type { Habits } from '../../../contract/nvme/controller.ts'

const [WRITE, READ] = [0x01, 0x02]
/** Commands before the first of an I/O queue: two of Identify, Set Features, and the queues' own. */
const FIRST_IO = 5
const [DELETE_SQ, CREATE_SQ, DELETE_CQ, CREATE_CQ, IDENTIFY] = [0x00, 0x01, 0x04, 0x05, 0x06]

/** Works with a bench that is closed whatever happens. */
async function onBench(
  work: (bench: NvmeBench) => Promise<void>,
  habits: Habits = {},
  changed: Changed = {},
): Promise<void> {
  const bench = await openNvmeBench(habits, changed)
  try {
    await work(bench)
  } finally {
    await bench.close()
  }
}

const mapOne = ({ device, memory, frames }: NvmeBench): Mapping =>
  device.dma.map({ memory, indices: Uint32Array.of(frames[0] ?? 0) }, 'both')

/** How a first read ends. */
async function readingWith(habits: Habits, changed: Changed = {}): Promise<unknown> {
  let outcome: unknown
  await onBench(
    async (bench) => {
      outcome = await bench.engine.read(mapOne(bench).segments).then(
        () => 'read',
        (error: unknown) => error,
      )
    },
    habits,
    changed,
  )
  return outcome
}

const failing = (code: string, text: string) => ({ code, message: expect.stringContaining(text) })

describe('a pair of queues', () => {
  it.each([
    ['by itself', () => undefined],
    [
      'with the controller',
      (queue: number, opcode: number) => (queue === 0 && opcode === DELETE_CQ ? 0x101 : undefined),
    ],
  ])('of which one half could not be made is taken away %s, and made anew', async (_, also) => {
    let left = 1
    const status = (queue: number, opcode: number) =>
      queue === 0 && opcode === CREATE_SQ && left-- > 0 ? 0x102 : also(queue, opcode)
    await onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        expect(await failure(() => bench.engine.read(segments))).toBe('device-error')
        expect(await bench.engine.read(segments)).toHaveLength(PAGE_SIZE)
      },
      { status },
    )
  })

  it('takes no completion of a command long ago for that of a new one with its number', () => {
    let bytes = new Uint8Array(PAGE_SIZE)
    const page = {
      bus: busAddress(0x1000),
      read: (at: number, length: number) => bytes.slice(at, at + length),
      write: () => undefined,
      fill: () => (bytes = new Uint8Array(PAGE_SIZE)),
    }
    const queue = new QueuePair({ registers: { write32: () => undefined }, id: 1, submission: page, completion: page })
    queue.renew(16, 4)
    const complete = (turn: number, command: number): void => {
      const entry = new DataView(bytes.buffer, 16 * (turn % 16), 16)
      entry.setUint16(10, 1, true)
      entry.setUint16(12, command, true)
      entry.setUint16(14, Math.floor(turn / 16) % 2 === 0 ? 1 : 0, true)
    }
    const abandoned = queue.submit(new Uint8Array(64))
    complete(0, abandoned)
    queue.reap()
    for (let turn = 1; turn < 0xffff; turn++) {
      const id = queue.submit(new Uint8Array(64))
      complete(turn, id)
      if (queue.take(id) === undefined) throw new Error(`command ${id} has ended`)
    }
    expect([queue.submit(new Uint8Array(64)), queue.take(abandoned)]).toEqual([abandoned, undefined])
  })
})

describe('bringing a controller up', () => {
  it.each([
    ['does not become ready', { never: 'ready' }, 'timeout', 'become ready within 7500 ms (CAP.TO)'],
    ['cannot be disabled', { never: 'disabled' }, 'timeout', 'be disabled within 7500 ms (CAP.TO)'],
    ['fails', { fatalAfter: 0 }, 'device-error', 'CSTS.CFS'],
    ['has left the bus', { goneAfter: 0 }, 'device-gone', 'all ones'],
    [
      'moves less a command than the profile says',
      { controllerData: [[77, [1]]] },
      'profile-invalid',
      '8192 bytes a command (MDTS)',
    ],
    ['has no SGLs', { controllerData: [[536, [0]]] }, 'profile-invalid', 'it must be 4096 or more'],
    ['has SGLs of dwords', { controllerData: [[536, [2]]] }, 'profile-invalid', 'it must be 4 or more'],
    ['gives fewer queues', { queues: 3 }, 'capability-missing', 'gives 3 pairs of queues, not 4'],
    ['has no such namespace', { namespaceData: [[0, [0, 0]]] }, 'profile-invalid', 'does not have'],
    [
      'has fewer blocks',
      { namespaceData: [[0, [0, 4]]] },
      'profile-invalid',
      'ends before block 1256, but namespace 1 has 1024',
    ],
    ['has blocks of 8 KiB', { namespaceData: [[130, [13]]] }, 'capability-missing', 'blocks of 8192 bytes'],
    ['keeps metadata', { namespaceData: [[128, [8]]] }, 'capability-missing', 'metadata'],
    ['protects its blocks', { namespaceData: [[29, [1]]] }, 'capability-missing', 'metadata'],
  ] satisfies [string, Habits, string, string][])('that %s ends with %s', async (_, habits, code, text) => {
    expect(await readingWith(habits)).toMatchObject(failing(code, text))
  })

  it('refuses scratch blocks that are too few, or not whole for a transfer', async () => {
    const few = { scratch: { ...SCRATCH, blocks: 127 } }
    expect(await readingWith({}, few)).toMatchObject(failing('profile-invalid', '127 blocks, not 128'))
    expect(await readingWith({}, { maxTransfer: 0x4001 })).toMatchObject(failing('profile-invalid', 'no multiple'))
  })

  it('takes scratch blocks up to the last one that there is, and not one more', async () => {
    const at = (firstBlock: number) => ({ scratch: { ...SCRATCH, firstBlock } })
    expect(await readingWith({}, at(4096 - SCRATCH.blocks))).toBe('read')
    expect(await readingWith({}, at(4097 - SCRATCH.blocks))).toMatchObject({ code: 'profile-invalid' })
  })

  it('happens at the first use, and touches no register before', () =>
    onBench(async ({ engine, model }) => {
      expect(engine.idle()).toBe(true)
      expect([model.enabled, model.commands]).toEqual([false, []])
    }))

  it('can be tried again after it failed', () =>
    onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        expect(await failure(() => bench.engine.read(segments))).toBe('device-error')
        expect(bench.model.enabled).toBe(false)
        expect(await bench.engine.read(segments)).toHaveLength(PAGE_SIZE)
      },
      { status: firstOnly(IDENTIFY, 0x006) },
    ))
})

/** A status for the first command with an opcode in the admin queue. */
function firstOnly(wanted: number, status: number): (queue: number, opcode: number) => number | undefined {
  let left = 1
  return (queue, opcode) => {
    if (queue !== 0 || opcode !== wanted || left === 0) return undefined
    left--
    return status
  }
}

describe('a command', () => {
  it('that failed ends with the specification’s name of its status', async () => {
    const status = (queue: number, opcode: number) => (queue > 0 && opcode === WRITE ? 0x006 : undefined)
    expect(await readingWith({ status })).toMatchObject(
      failing('device-error', 'Internal Error (status type 0, code 0x6'),
    )
  })

  it('that could not reach memory moves nothing, and that is all', () =>
    onBench(
      async (bench) => {
        const { engine, memory, frames } = bench
        const mapping = mapOne(bench)
        const start = (frames[0] ?? 0) * PAGE_SIZE
        memory.write(start, new Uint8Array(PAGE_SIZE).fill(0x77))
        expect((await engine.read(mapping.segments)).every((byte) => byte === 0x77)).toBe(true)
        mapping.unmap()
        expect((await engine.read(mapping.segments)).includes(0x77)).toBe(false)
        await engine.write(mapping.segments, new Uint8Array(PAGE_SIZE).fill(1))
        expect(memory.read(start, PAGE_SIZE)).toEqual(new Uint8Array(PAGE_SIZE).fill(0x77))
      },
      { notices: true },
    ))

  it('that nobody gave is no completion of another', async () => {
    const habits = { wrongIdentifier: (queue: number) => queue > 0 }
    expect(await readingWith(habits)).toMatchObject(failing('device-error', 'where nobody gave it'))
  })

  it('ends with device-gone when the controller leaves the bus during it', async () => {
    const silent = (queue: number): boolean => queue > 0
    expect(await readingWith({ silent, goneAfter: FIRST_IO + 1 })).toMatchObject({ code: 'device-gone' })
  })

  it('ends with device-error when the controller fails during it', async () => {
    expect(await readingWith({ silent: (queue) => queue > 0, fatalAfter: FIRST_IO + 1 })).toMatchObject(
      failing('device-error', 'CSTS.CFS'),
    )
  })

  it('ends with device-error when somebody resets the controller during it', () =>
    onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        const ended = failure(() => bench.engine.read(segments))
        bench.clock.setTimer(50, () => bench.model.reset())
        expect(await ended).toBe('device-error')
      },
      { silent: (queue) => queue > 0 },
    ))

  it('without the interrupt that announces it ends with timeout', () =>
    onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        expect(await failure(() => bench.engine.read(segments, { completion: 'interrupt' }))).toBe('timeout')
        expect(await bench.engine.read(segments)).toHaveLength(PAGE_SIZE)
      },
      { interruptsLost: true },
    ))
})

describe('a command that nobody waits for any more', () => {
  it('is ended, with its queue, before the next one of the channel begins', () =>
    onBench(async (bench) => {
      const { engine, model } = bench
      const { segments } = mapOne(bench)
      await engine.read(segments)
      model.habits = { delayMs: 300 }
      expect(await failure(() => engine.read(segments, { timeoutMs: 100 }))).toBe('timeout')
      model.habits = {}
      expect(await engine.read(segments)).toHaveLength(PAGE_SIZE)
      expect(model.commands.filter(([queue, opcode]) => queue === 0 && opcode === DELETE_SQ)).toHaveLength(1)
    }))

  it('in the admin queue ends the whole controller', () =>
    onBench(
      async (bench) => {
        expect(await failure(() => bench.engine.read(mapOne(bench).segments, { timeoutMs: 60_000 }))).toBe('timeout')
        expect(bench.model.enabled).toBe(false)
      },
      { silent: (_, opcode) => opcode === CREATE_CQ },
    ))
})

describe('a controller that failed', () => {
  it('is brought up anew by the next use', () =>
    onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        expect(await failure(() => bench.engine.read(segments))).toBe('device-error')
        bench.model.habits = {}
        expect(await bench.engine.read(segments)).toHaveLength(PAGE_SIZE)
      },
      { silent: (queue) => queue > 0, fatalAfter: FIRST_IO + 1 },
    ))
})

describe('an abort', () => {
  const silent = (queue: number): boolean => queue > 0

  it('deletes the queues of a command that does not end, which then moves nothing any more', () =>
    onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        const ended = failure(() => bench.engine.read(segments, { channel: 2 }))
        await new Promise((resolve) => bench.clock.setTimer(60, () => resolve(undefined)))
        expect(bench.engine.idle(2)).toBe(false)
        expect(bench.engine.idle(1)).toBe(true)
        await bench.engine.abort(2)
        expect(await ended).toBe('cancelled')
        expect(bench.engine.idle(2)).toBe(true)
        expect(bench.model.submissions.has(3)).toBe(false)
        expect(bench.model.completions.has(3)).toBe(false)
        expect(bench.model.enabled).toBe(true)
      },
      { silent },
    ))

  it('stops the whole controller when it does not let go of the queues', () =>
    onBench(
      async (bench) => {
        const { segments } = mapOne(bench)
        const ended = failure(() => bench.engine.read(segments))
        await new Promise((resolve) => bench.clock.setTimer(60, () => resolve(undefined)))
        expect(await failure(() => bench.engine.abort(0, { timeoutMs: 100 }))).toBe('timeout')
        expect(await ended).toBe('cancelled')
        expect(bench.model.enabled).toBe(false)
      },
      { silent: (queue, opcode) => queue > 0 || opcode === DELETE_SQ },
    ))

  it('is given to a channel that there is', () =>
    onBench(async ({ engine }) => {
      expect(await failure(() => engine.abort(4))).toBe('range-outside')
      expect(await failure(async () => engine.idle(-1))).toBe('range-outside')
      expect(await failure(() => engine.interrupt({ channel: 1.5 }))).toBe('range-outside')
    }))
})

describe('blocks', () => {
  it('outside of the scratch range are never touched, whatever is carried, on any channel', () =>
    onBench(async (bench) => {
      const { device, memory, frames, engine, model } = bench
      const { segments } = device.dma.map({ memory, indices: Uint32Array.from(frames) }, 'both')
      for (let channel = 0; channel < 4; channel++) {
        const list = segments.slice(1 + channel, 9 * PAGE_SIZE + 77 * channel)
        await engine.write(list, new Uint8Array(list.size).fill(channel), { channel })
        await engine.read(list, { channel })
        await engine.interrupt({ channel })
      }
      const touched = [...model.touched.keys()]
      expect(Math.min(...touched)).toBe(SCRATCH.firstBlock)
      expect(Math.max(...touched)).toBeLessThan(SCRATCH.firstBlock + SCRATCH.blocks)
      expect(model.disk.subarray(0, 512 * SCRATCH.firstBlock).every((byte) => byte === 0)).toBe(true)
    }))

  it('of one channel are of no other', () =>
    onBench(async (bench) => {
      const { device, memory, frames, engine, model } = bench
      const { segments } = device.dma.map({ memory, indices: Uint32Array.from(frames) }, 'both')
      for (const channel of [0, 1, 2, 3])
        await engine.read(segments.slice(0, engine.abilities.maxTransfer), { channel })
      const each = [1, 2, 3, 4].map((queue) => [...model.touched.values()].filter((one) => one === queue).length)
      expect(each).toEqual([32, 32, 32, 32])
    }))

  it('that the controller says it read, but did not, are not taken for those of another time', () =>
    onBench(async (bench) => {
      const { segments } = mapOne(bench)
      expect((await bench.engine.read(segments)).includes(0xee)).toBe(false)
      bench.model.habits = { status: (queue, opcode) => (queue > 0 && opcode === READ ? 0 : undefined) }
      expect(await bench.engine.read(segments)).toEqual(new Uint8Array(PAGE_SIZE).fill(0xee))
    }))

  it('that the controller says it wrote, but did not, are not those of a transfer before', () =>
    onBench(async (bench) => {
      const { segments } = mapOne(bench)
      await bench.engine.write(segments, new Uint8Array(PAGE_SIZE).fill(1))
      let commands = 0
      bench.model.habits = {
        status: (queue, opcode) => (queue > 0 && opcode === WRITE && ++commands === 2 ? 0 : undefined),
      }
      expect(await bench.engine.read(segments)).toEqual(new Uint8Array(PAGE_SIZE).fill(0xee))
      // the first of them poisons the blocks
      expect(commands).toBe(2)
    }))

  it('are needed to carry anything, and none is read or written without', async () => {
    const bench = await openNvmeBench({}, { scratch: undefined })
    const { engine, model, device } = bench
    const { segments } = mapOne(bench)
    expect(engine.abilities).toMatchObject({ carries: false, channels: 1, interrupts: true })
    await expect(engine.read(segments)).rejects.toMatchObject(failing('capability-missing', 'dma.scratch'))
    expect(await failure(() => engine.write(segments, new Uint8Array(PAGE_SIZE)))).toBe('capability-missing')
    await engine.deposit(segments)
    const first = await engine.interrupt()
    expect(await engine.interrupt()).toBeGreaterThan(first)
    expect(await engine.interrupt()).toBe(device.interrupts.count(0))
    await engine.abort()
    expect(engine.idle()).toBe(true)
    expect([model.touched.size, model.commands.filter(([queue]) => queue > 0)]).toEqual([0, []])
    await bench.close()
  })
})

describe('the end', () => {
  it('disables the controller before its memory is given back', () =>
    onBench(async (bench) => {
      const { engine, model, device, memory, frames } = bench
      const mapping = mapOne(bench)
      await engine.read(mapping.segments)
      mapping.unmap()
      engine.close()
      expect(model.enabled).toBe(false)
      expect([device.dma.entries, memory.allocated]).toEqual([0, frames.length])
    }))

  it('says when the controller cannot be disabled, and gives all else back', () =>
    onBench(async (bench) => {
      const mapping = mapOne(bench)
      await bench.engine.read(mapping.segments)
      mapping.unmap()
      bench.model.habits = { never: 'disabled' }
      expect(() => bench.engine.close()).toThrow(expect.objectContaining({ code: 'timeout' }))
      expect([bench.device.dma.entries, bench.memory.allocated]).toEqual([0, bench.frames.length])
    }))

  it('leaves a controller alone that has left the bus', () =>
    onBench(
      async (bench) => {
        expect(await failure(() => bench.engine.read(mapOne(bench).segments))).toBe('device-gone')
        bench.engine.close()
      },
      { goneAfter: 4 },
    ))
})

describe('interrupts', () => {
  it('come by the vector of the channel', () =>
    onBench(async ({ engine, device, model }) => {
      expect(await engine.interrupt({ channel: 3 })).toBe(1)
      expect(await engine.interrupt({ channel: 3 })).toBe(2)
      expect(await engine.interrupt({ channel: 1 })).toBe(1)
      expect([1, 2, 3, 4].map((vector) => device.interrupts.count(vector))).toEqual([0, 1, 0, 2])
      expect(model.commands.filter(([queue, opcode]) => queue === 0 && opcode === CREATE_CQ)).toHaveLength(2)
    }))

  it('are not enabled before somebody asks for one', () =>
    onBench(async (bench) => {
      await bench.engine.read(mapOne(bench).segments)
      expect(await failure(async () => bench.device.interrupts.count(0))).toBe('interrupt-unavailable')
    }))
})

describe('a deposit', () => {
  it('is written to the target by a command of its own, and is what another one said', () =>
    onBench(async (bench) => {
      const { engine, memory, frames, model } = bench
      const { segments } = mapOne(bench)
      const said = await engine.deposit(segments)
      expect(Buffer.from(said.subarray(4, 9)).toString()).toBe('model')
      expect(memory.read((frames[0] ?? 0) * PAGE_SIZE, PAGE_SIZE)).toEqual(said)
      const start = (frames[0] ?? 0) * PAGE_SIZE
      memory.write(start, new Uint8Array(PAGE_SIZE).fill(0x77))
      expect(await engine.deposit(segments.slice(8, 20))).toEqual(new Uint8Array(20).fill(0x33))
      const around = Uint8Array.of(0x77, ...new Uint8Array(20).fill(0x33), 0x77)
      expect(memory.read(start + 7, 22)).toEqual(around)
      expect(model.touched.size).toBe(0)
    }))

  it('that was aborted writes nothing after the abort has resolved, and ends as cancelled', () =>
    onBench(
      async (bench) => {
        const { engine, model, clock } = bench
        const { segments } = mapOne(bench)
        const ended = [engine.deposit(segments), engine.deposit(segments)].map((one) => failure(() => one))
        await new Promise((resolve) => clock.setTimer(20, () => resolve(undefined)))
        await engine.abort()
        const before = model.commands.length
        expect(engine.idle()).toBe(true)
        expect(await Promise.all(ended)).toEqual(['cancelled', 'cancelled'])
        expect(model.commands.length).toBe(before)
        expect(await engine.deposit(segments)).toHaveLength(PAGE_SIZE)
      },
      { delayMs: 30 },
      { scratch: undefined },
    ))

  it('is refused where PRP entries cannot describe the target, or for a size that nothing has', () =>
    onBench(async ({ engine }) => {
      const refused = async (bus: number, length: number): Promise<unknown> =>
        failure(() => engine.deposit(Segments.of([{ bus: busAddress(bus), length }])))
      expect(await refused(0x1002, 512)).toBe('range-outside')
      expect(await refused(0x1000, 513)).toBe('range-outside')
      expect(await refused(0x1000, 516)).toBe('range-outside')
      expect(await refused(0x1000, 8192)).toBe('range-outside')
      expect(await failure(() => engine.deposit(Segments.of([])))).toBe('range-outside')
    }))
})
