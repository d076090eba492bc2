import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { sleep } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import { physicalAddress, va } from '../../../src/base/address.ts'
import type { Device } from '../../../src/device/contract.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { loadProfile } from '../../../src/profile/load.ts'
import { openSession } from '../../../src/session/open.ts'
import type { Plant } from '../../../src/session/plant.ts'
import { Session } from '../../../src/session/session.ts'
import { CountingNative } from './counting-native.ts'
import { Witnesses } from './fake-hardware.ts'

const ZERO = physicalAddress(0n)
const TOP = physicalAddress(0xffff_ffff_ffff_ffffn)
const COMMAND = 4
const [MEMORY, MASTER, SERR] = [0x2, 0x4, 0x100]

function code(act: () => unknown): unknown {
  try {
    return { returned: act() }
  } catch (error) {
    return codeOf(error) ?? error
  }
}

/** The device, with a note of what was written to its command register and of its end. */
function noting(device: Device, notes: unknown[], changed: Partial<Device>): Device {
  const config: Device['config'] = {
    ...device.config,
    write16: (offset, value) => {
      if (offset === COMMAND) notes.push(value)
      device.config.write16(offset, value)
    },
  }
  const close = (): void => {
    if (!notes.includes('closed')) notes.push('closed')
    device.close()
  }
  const reset = (): void => {
    notes.push('reset')
    device.reset()
  }
  const members = { ...changed, config, reset, close, [Symbol.dispose]: close }
  return new Proxy(device, {
    get: (_, key) => (Object.hasOwn(members, key) ? Reflect.get(members, key) : Reflect.get(device, key, device)),
  })
}

async function start(
  before: number,
  plant: Plant = {},
  members: Partial<Device> = {},
): Promise<{ session: Promise<Session>; notes: unknown[] }> {
  const random = seededRandom(1n)
  const device = openLoopback('loopback:edu', { clock: new VirtualClock(), random: () => random.below(2 ** 32) })
  device.config.write16(COMMAND, before)
  const frames = new FrameStore({ native: new CountingNative().native.memory, frames: 256, random })
  const notes: unknown[] = []
  const profile = loadProfile('qemu-edu')
  const session = Session.start({ device: noting(device, notes, members), frames, profile, random, seed: 1n, plant })
  return { session, notes }
}

const explode = (): never => {
  throw new Error('planted')
}

describe('a session that cannot be opened', () => {
  const noBars = (device: Device): Device =>
    new Proxy(device, { get: (target, key) => (key === 'regions' ? [] : Reflect.get(target, key, target)) })

  it.each<readonly [string, Plant]>([
    ['its device', { device: explode }],
    ['its frames', { frames: explode }],
    ['its DDIs', { ddi: explode }],
    ['its engine', { device: noBars }],
  ])('for want of %s leaves neither memory nor device open', async (_, plant) => {
    const counting = new CountingNative()
    let opened: Device | undefined
    const capture = (device: Device): Device => {
      opened = device
      return plant.device?.(device) ?? device
    }
    const opening = openSession({
      device: 'loopback:edu',
      native: counting.native,
      plant: { ...plant, device: capture },
    })
    await expect(opening).rejects.toThrow()
    expect(counting.alive).toBe(0)
    expect(code(() => opened?.config.read16(0))).toBe('closed')
  })

  it.each(['reserve', 'createMemory'] as const)('for want of memory (%s) leaves nothing open', async (call) => {
    const counting = new CountingNative(call)
    await expect(openSession({ device: 'loopback:edu', native: counting.native })).rejects.toThrow(call)
    expect(counting.alive).toBe(0)
  })

  it.each([
    [{ device: 'loopback:nvme' }, 'reference-unknown'],
    [{ device: 'nonsense' }, 'reference-unknown'],
    [{ device: 'loopback:edu', backend: 'vfio' }, 'usage'],
    [{ device: 'loopback:edu', profile: 'warp-drive' }, 'profile-unknown'],
    [{ device: '0000:ff:1f.7' }, 'device-absent'],
  ] as const)('as %p says so, before any memory is taken', async (options, expected) => {
    const counting = new CountingNative()
    await expect(openSession({ ...options, native: counting.native })).rejects.toHaveProperty('code', expected)
    expect(counting.alive).toBe(0)
  })

  it('puts the command register back before it closes the device', async () => {
    const { session, notes } = await start(MEMORY | SERR, { ddi: explode })
    await expect(session).rejects.toThrow('planted')
    expect(notes).toEqual(['reset', MEMORY | SERR | MASTER, MEMORY | SERR, 'reset', 'closed'])
  })
})

describe('the command register', () => {
  it.each([
    ['was off', SERR, SERR],
    ['was on for memory', MEMORY, MEMORY],
  ])('of a device that %s has memory and mastering on in a session, and is put back', async (_, before, after) => {
    const { session, notes } = await start(before)
    const open = await session
    expect(open.device.config.read16(COMMAND)).toBe(before | MEMORY | MASTER)
    await open.close()
    expect(notes).toEqual(['reset', before | MEMORY | MASTER, after, 'reset', 'closed'])
  })

  it('loses bus mastering even if it had it: nobody is left to answer for the device', async () => {
    const { session, notes } = await start(MEMORY | MASTER)
    await (await session).close()
    expect(notes.slice(-3)).toEqual([MEMORY, 'reset', 'closed'])
  })
})

describe('a device without any reset', () => {
  it('is opened as it is, and never asked for one', async () => {
    const { session, notes } = await start(MEMORY, {}, { resets: undefined })
    const open = await session
    expect(open.device.resets).toBeUndefined()
    await open.close()
    expect(notes).toEqual([MEMORY | MASTER, MEMORY, 'closed'])
  })
})

describe('a session whose device is asked for', () => {
  it('says so, and rejects what waits for an interrupt', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    session.device.interrupts.enable('msi', 1)
    const waiting = session.device.interrupts.wait(0, 0, { timeoutMs: 60_000 })
    session.device.notices.trigger('request')
    await expect(waiting).rejects.toHaveProperty('code', 'device-gone')
    expect(session.gone).toMatchObject({ aborted: true, reason: { code: 'device-gone' } })
  })

  it('closes without another reset: the kernel waits for the device', async () => {
    const { session, notes } = await start(MEMORY)
    const open = await session
    open.device.notices.trigger('request')
    await sleep(open.device.clock, 1)
    await open.close()
    expect(notes).toEqual(['reset', MEMORY | MASTER, MEMORY, 'closed'])
  })

  it('closes the device by itself when nobody does within 1.5 s, and is closed in order after that', async () => {
    const { session, notes } = await start(MEMORY)
    const open = await session
    const { device, frames } = open
    device.dma.map({ memory: frames, indices: frames.allocate({ count: 3 }) }, 'both')
    open.ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 8192, 1, 0)
    device.notices.trigger('request')
    await sleep(device.clock, 1400)
    expect(notes).not.toContain('closed')
    await sleep(device.clock, 200)
    expect(notes).toContain('closed')
    expect(code(() => device.config.read16(0))).toBe('closed')
    await open.close()
    expect(code(() => frames.allocate({ count: 1 }))).toBe('closed')
  })
})

describe('closing a session', () => {
  it('gives everything back, also what its user left, and is harmless a second time', async () => {
    const counting = new CountingNative()
    const session = await openSession({ device: 'loopback:edu', native: counting.native })
    const mdl = session.ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 8192, 1, 0)
    if (mdl === null) throw new Error('no pages')
    session.ddi.mm.MmMapLockedPagesSpecifyCache(mdl, 0, 1, va(0), false, 16)
    session.device.dma.map({ memory: session.frames, indices: session.frames.allocate({ count: 3 }) }, 'both')
    expect(counting.alive).toBeGreaterThan(2)
    await session.close()
    await session.close()
    await session[Symbol.asyncDispose]()
    expect(counting.alive).toBe(0)
  })

  it('leaves parts that refuse to work', async () => {
    const session = await openSession({ device: 'loopback:edu' })
    const { device, ddi, engine, frames } = session
    await session.close()
    expect(code(() => device.regions[0]?.read32(0))).toBe('closed')
    expect(code(() => device.config.read16(0))).toBe('closed')
    expect(code(() => frames.allocate({ count: 1 }))).toBe('closed')
    expect(code(() => ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 4096, 1, 0))).toBe('closed')
    await expect(engine?.interrupt()).rejects.toHaveProperty('code', 'closed')
  })
})

describe('a renewed session', () => {
  it('reports nothing when nothing was left', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    await session.engine?.interrupt()
    expect(await session.renew()).toEqual({ misuse: [], frames: 0, entries: 0 })
  })

  it('reports what was left and takes back what a DDI gave out', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    session.ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 8192, 1, 0)
    session.device.dma.map({ memory: session.frames, indices: session.frames.allocate({ count: 3 }) }, 'both', {
      kind: 'join',
    })
    const left = await session.renew()
    expect(left.misuse.map(({ rule }) => rule)).toEqual(['MDL-123'])
    expect(left.frames).toBe(3)
    expect(left.entries).toBeGreaterThan(0)
  })

  it('reports misuse that is left only, not what a case caused on purpose', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    expect(code(() => session.kernel.KeLowerIrql(2))).toBe('bugcheck')
    expect((await session.renew()).misuse).toEqual([])
  })

  it('has a new Windows at PASSIVE_LEVEL, a new engine that works, and interrupts that are off', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    const { kernel, ddi, engine } = session
    kernel.KeRaiseIrql(2)
    session.device.interrupts.enable('msi', 1)
    await session.renew()
    expect(session.kernel).not.toBe(kernel)
    expect(session.kernel.KeGetCurrentIrql()).toBe(0)
    expect(session.ddi.mm).not.toBe(ddi.mm)
    expect(code(() => session.device.interrupts.count(0))).toBe('interrupt-unavailable')
    expect(await session.engine?.interrupt()).toBe(1)
    await expect(engine?.interrupt()).rejects.toHaveProperty('code', 'closed')
  })

  it('writes nothing of those who still hold the old parts into the new trace', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    const { device, ddi } = session
    await session.renew()
    const witnesses = new Witnesses()
    session.trace.sink = witnesses.sink
    device.regions[0]?.read32(0)
    device.interrupts.disable()
    code(() => ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 4096, 1, 0))
    expect(witnesses.seen).toEqual([])
    session.device.regions[0]?.read32(0)
    expect(witnesses.seen.map(([op]) => op)).toEqual(['bar0.read32'])
  })

  it('survives an MDL that a case tampered with', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    const mdl = session.ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 8192, 1, 0)
    if (mdl === null) throw new Error('no pages')
    mdl.MdlFlags = 0
    expect((await session.renew()).misuse.map(({ rule }) => rule)).toEqual(['MDL-123'])
    expect((await session.renew()).frames).toBe(0)
  })
})

describe('the same seed', () => {
  const places = async (seed: bigint): Promise<readonly unknown[]> => {
    await using session = await openSession({ device: 'loopback:edu', seed })
    const indices = session.frames.allocate({ count: 16 })
    using mapping = session.device.dma.map({ memory: session.frames, indices }, 'both')
    return [[...indices], [...mapping.segments].map(({ bus }) => bus)]
  }

  it('gives the same frames and bus addresses, another one others', async () => {
    expect(await places(7n)).toEqual(await places(7n))
    const [frames, bus] = await places(7n)
    const [others, elsewhere] = await places(8n)
    expect(others).not.toEqual(frames)
    expect(elsewhere).not.toEqual(bus)
  })
})

it('no bus address is a frame address, so that code which mixes the two hits nothing', async () => {
  await using session = await openSession({ device: 'loopback:edu' })
  const { frames, device } = session
  const numbers = new Set(Array.from({ length: frames.size / 4096 }, (_, index) => BigInt(frames.pfn(index))))
  const indices = frames.allocate({ count: 1000 })
  using mapping = device.dma.map({ memory: frames, indices }, 'both')
  const mixed = [...mapping.segments].filter(({ bus }) => numbers.has(bus >> 12n))
  expect(mixed).toEqual([])
})
