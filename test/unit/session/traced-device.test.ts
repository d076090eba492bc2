import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../../src/base/address.ts'
import { OsError, ProbarError } from '../../../src/base/errors.ts'
import type { Device, Frames } from '../../../src/device/contract.ts'
import { RegisterProgramError } from '../../../src/device/register-program/outcome.ts'
import { registerProgram } from '../../../src/device/register-program/program.ts'
import { traceDevice } from '../../../src/session/traced-device.ts'
import { FakeHardware, Witnesses, kernelRefused, refused } from './fake-hardware.ts'

interface Bench {
  readonly fake: FakeHardware
  readonly device: Device
  readonly trace: Witnesses
}

function open(substance: Device['substance'] = 'hardware'): Bench {
  const [fake, trace] = [new FakeHardware(substance), new Witnesses()]
  return { fake, trace, device: traceDevice(fake.device, trace) }
}

const frames = {} as Frames
const TIMEOUT = { timeoutMs: 1000 }

/** Does it, whatever it ends in; then, who stood behind it. */
async function witnessOf({ trace }: Bench, act: () => unknown): Promise<string | undefined> {
  const before = trace.seen.length
  try {
    await act()
  } catch {
    // What it threw is not what is asked here.
  }
  expect(trace.seen.length).toBeGreaterThan(before)
  return trace.last
}

function bar({ device }: Bench): Device['regions'][number] {
  const [region] = device.regions
  if (region === undefined) throw new Error('the fake has a BAR')
  return region
}

describe('behind a register', () => {
  it.each(['read8', 'read16', 'read32', 'read64'] as const)('stands the device when %s is answered', async (read) => {
    const bench = open()
    expect(await witnessOf(bench, () => bar(bench)[read](0))).toBe('device')
  })

  it.each(['read8', 'read16', 'read32', 'read64'] as const)('stands nobody when %s gives all ones', async (read) => {
    const bench = open()
    bench.fake.register = (1n << 64n) - 1n
    expect(await witnessOf(bench, () => bar(bench)[read](0))).toBe('model')
  })

  it('stands the device when only part of the register is ones, or none is', async () => {
    const bench = open()
    bench.fake.register = 0xffff_fffen
    expect(await witnessOf(bench, () => bar(bench).read32(0))).toBe('device')
    bench.fake.register = 0n
    expect(await witnessOf(bench, () => bar(bench).read32(0))).toBe('device')
  })

  it.each([refused, new ProbarError('device-gone', 'gone'), kernelRefused])(
    'stands nobody when a read throws',
    async (error) => {
      const bench = open()
      bench.fake.error = error
      expect(await witnessOf(bench, () => bar(bench).read32(0))).toBe('model')
    },
  )

  it('stands nobody when it is written', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bar(bench).write32(0, 1))).toBe('model')
    expect(await witnessOf(bench, () => bar(bench).write64(0, 1n))).toBe('model')
  })

  it('stands the device through a view as well, and nobody behind the view itself', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bar(bench).map(0, 4096, 0n as never))).toBe('model')
    const view = bar(bench).map(0, 4096, 0n as never)
    expect(await witnessOf(bench, () => view.read32(0))).toBe('device')
    expect(await witnessOf(bench, () => view.close())).toBe('model')
  })
})

describe('behind a block of registers', () => {
  it.each([
    ['device', 0x0000_00edn],
    ['device', 0xffff_fffen],
    ['model', 0xffff_ffff_ffff_ffffn],
  ] as const)('stands the %s when %d is read', async (by, value) => {
    for (const into of [new Uint8Array(3), new Uint16Array(3), new Uint32Array(3), new BigUint64Array(3)]) {
      const bench = open()
      bench.fake.register = into.BYTES_PER_ELEMENT < 4 && value === 0xffff_fffen ? 0xfen : value
      expect(await witnessOf(bench, () => bar(bench).readBlock(0, into))).toBe(by)
    }
  })

  it('stands nobody when it is written, empty, or read with an error', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bar(bench).writeBlock(0, Uint32Array.of(1)))).toBe('model')
    expect(await witnessOf(bench, () => bar(bench).readBlock(0, new Uint32Array(0)))).toBe('model')
    bench.fake.error = refused
    expect(await witnessOf(bench, () => bar(bench).readBlock(0, Uint32Array.of(1)))).toBe('model')
  })
})

describe('behind a register program', () => {
  const program = registerProgram().read(32, 0).write(32, 4, 1).read(8, 8).build()
  const stopped = (...values: readonly bigint[]): RegisterProgramError =>
    new RegisterProgramError('timeout', 'not met', { step: 1, values: BigUint64Array.from(values) })

  it('stands the device when one of its reads was answered', async () => {
    const bench = open()
    bench.fake.values = [0xffff_ffffn, 0n]
    expect(await witnessOf(bench, () => bar(bench).run(program))).toBe('device')
    expect(bench.trace.seen.at(-1)?.[0]).toBe('bar0.run')
  })

  it('stands nobody when all of its reads gave all ones, each at its width, or it reads nothing', async () => {
    const bench = open()
    bench.fake.values = [0xffff_ffffn, 0xffn]
    expect(await witnessOf(bench, () => bar(bench).run(program))).toBe('model')
    bench.fake.values = []
    expect(await witnessOf(bench, () => bar(bench).run(registerProgram().fence().build()))).toBe('model')
  })

  it('stands the device when it answered before the program stopped, else nobody', async () => {
    const bench = open()
    bench.fake.error = stopped(0x12n)
    expect(await witnessOf(bench, () => bar(bench).run(program))).toBe('device')
    for (const error of [stopped(0xffff_ffffn), stopped(), refused, kernelRefused]) {
      bench.fake.error = error
      expect(await witnessOf(bench, () => bar(bench).run(program))).toBe('model')
    }
  })
})

describe('behind config space', () => {
  it('stands the kernel, which shadows it, and never the device', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bench.device.config.read16(0))).toBe('kernel')
    expect(await witnessOf(bench, () => bench.device.config.write16(4, 6))).toBe('kernel')
  })

  it('stands nobody when Probar refuses', async () => {
    const bench = open()
    bench.fake.error = refused
    expect(await witnessOf(bench, () => bench.device.config.read32(4096))).toBe('model')
  })
})

describe('behind a DMA mapping', () => {
  it('stands the kernel that made and ended it', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bench.device.dma.map(frames, 'both'))).toBe('kernel')
    const mapping = bench.device.dma.map(frames, 'both')
    expect(await witnessOf(bench, () => mapping.unmap())).toBe('kernel')
  })

  it('stands the kernel when it refused, and nobody when Probar did', async () => {
    const bench = open()
    const map = (): unknown => bench.device.dma.map(frames, 'both')
    bench.fake.error = kernelRefused
    expect(await witnessOf(bench, map)).toBe('kernel')
    bench.fake.error = new OsError('dma-entries-exhausted', 'full', 28, 'ioctl VFIO_IOMMU_MAP_DMA')
    expect(await witnessOf(bench, map)).toBe('kernel')
    for (const code of ['dma-overlap', 'dma-outside-aperture', 'dma-empty', 'closed'] as const) {
      bench.fake.error = new ProbarError(code, 'Probar’s own bookkeeping')
      expect([code, await witnessOf(bench, map)]).toEqual([code, 'model'])
    }
  })

  it('stands nobody when it was unmapped before', async () => {
    const bench = open()
    const mapping = bench.device.dma.map(frames, 'both')
    bench.fake.error = new ProbarError('dma-unmapped', 'before')
    expect(await witnessOf(bench, () => mapping.unmap())).toBe('model')
  })
})

describe('behind an interrupt', () => {
  const enabled = (): Bench => {
    const bench = open()
    bench.device.interrupts.enable('msi', 2)
    return bench
  }

  it('stands the device when nobody triggered it', async () => {
    const bench = enabled()
    const waiting = witnessOf(bench, () => bench.device.interrupts.wait(0, 0, TIMEOUT))
    bench.fake.interrupts.fired(0)
    expect(await waiting).toBe('device')
    expect(await witnessOf(bench, () => bench.device.interrupts.count(0))).toBe('device')
  })

  it('stands nobody while there is none', async () => {
    const bench = enabled()
    expect(await witnessOf(bench, () => bench.device.interrupts.count(0))).toBe('model')
    expect(await witnessOf(bench, () => bench.device.interrupts.wait(0, 0, { timeoutMs: 1 }))).toBe('model')
    const cancelled = { timeoutMs: 1, signal: AbortSignal.abort() }
    expect(await witnessOf(bench, () => bench.device.interrupts.wait(0, 0, cancelled))).toBe('model')
  })

  it('stands the kernel after a trigger, whether the wait began before or after it', async () => {
    const bench = enabled()
    const early = bench.device.interrupts.wait(0, 0, TIMEOUT)
    expect(await witnessOf(bench, () => bench.device.interrupts.trigger(0))).toBe('kernel')
    await early
    expect(bench.trace.last).toBe('kernel')
    expect(await witnessOf(bench, () => bench.device.interrupts.wait(0, 0, TIMEOUT))).toBe('kernel')
    expect(await witnessOf(bench, () => bench.device.interrupts.count(0))).toBe('kernel')
  })

  it('stands the kernel for what comes after a trigger of that vector, and the device on another', async () => {
    const bench = enabled()
    bench.device.interrupts.trigger(0)
    bench.fake.interrupts.fired(0)
    bench.fake.interrupts.fired(1)
    expect(await witnessOf(bench, () => bench.device.interrupts.wait(0, 1, TIMEOUT))).toBe('kernel')
    expect(await witnessOf(bench, () => bench.device.interrupts.count(1))).toBe('device')
  })

  it('stands the kernel after a trigger that failed: it may have worked', async () => {
    const bench = enabled()
    bench.fake.error = new OsError('interrupt-unavailable', 'refused', 22, 'ioctl')
    expect(await witnessOf(bench, () => bench.device.interrupts.trigger(0))).toBe('kernel')
    bench.fake.error = undefined
    bench.fake.interrupts.fired(0)
    expect(await witnessOf(bench, () => bench.device.interrupts.count(0))).toBe('kernel')
  })

  it('stands the kernel still when interrupts were refused to be enabled after a trigger', async () => {
    const bench = enabled()
    bench.device.interrupts.trigger(0)
    bench.fake.error = new ProbarError('capability-missing', 'enabled already')
    expect(await witnessOf(bench, () => bench.device.interrupts.enable('msi', 1))).toBe('model')
    bench.fake.error = undefined
    expect(await witnessOf(bench, () => bench.device.interrupts.count(0))).toBe('kernel')
  })

  it('stands the device again once interrupts were enabled anew', async () => {
    const bench = enabled()
    bench.device.interrupts.trigger(0)
    bench.device.interrupts.disable()
    expect(await witnessOf(bench, () => bench.device.interrupts.enable('msi', 2))).toBe('kernel')
    bench.fake.interrupts.fired(0)
    expect(await witnessOf(bench, () => bench.device.interrupts.count(0))).toBe('device')
  })

  it('stands the kernel when somebody else who follows the same device triggered it', async () => {
    const bench = open()
    const triggered = new Set<unknown>()
    const mine = traceDevice(bench.fake.device, bench.trace, triggered)
    const other = traceDevice(bench.fake.device, new Witnesses(), triggered)
    mine.interrupts.enable('msi', 1)
    other.interrupts.trigger(0)
    expect(await witnessOf(bench, () => mine.interrupts.count(0))).toBe('kernel')
  })

  it('stands nobody when interrupts are disabled', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bench.device.interrupts.disable())).toBe('model')
  })
})

describe('behind a fault', () => {
  const fault = { device: '0000:01:00.0', address: busAddress(0x5000), direction: 'write', reason: '0x05' } as const

  it('stands the kernel that reported it, and nobody when none came or the watch only began', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bench.device.faults.watch())).toBe('model')
    const watch = await bench.device.faults.watch()
    expect(await witnessOf(bench, () => watch.next(TIMEOUT))).toBe('model')
    bench.fake.fault = fault
    expect(await witnessOf(bench, () => watch.next(TIMEOUT))).toBe('kernel')
    bench.fake.error = new ProbarError('witness-suppressed', 'lines dropped')
    expect(await witnessOf(bench, () => watch.next(TIMEOUT))).toBe('model')
  })
})

describe('behind a reset', () => {
  it('stands the kernel, unless Probar refused', async () => {
    const bench = open()
    expect(await witnessOf(bench, () => bench.device.reset())).toBe('kernel')
    bench.fake.error = new ProbarError('capability-missing', 'no way')
    expect(await witnessOf(bench, () => bench.device.reset())).toBe('model')
    bench.fake.error = undefined
    expect(await witnessOf(bench, () => bench.device.close())).toBe('model')
  })
})

describe('behind a model', () => {
  it('stands nobody but Probar, whatever is done', async () => {
    const bench = open('model')
    const { device, fake, trace } = bench
    fake.fault = { device: '', address: busAddress(0), direction: 'read', reason: '' }
    device.interrupts.enable('msi', 1)
    fake.interrupts.fired(0)
    bar(bench).read32(0)
    bar(bench)
      .map(0, 4096, 0n as never)
      .read64(0)
    device.config.read16(0)
    device.dma.map(frames, 'both').unmap()
    await device.interrupts.wait(0, 0, TIMEOUT)
    device.interrupts.trigger(0)
    await (await device.faults.watch()).next(TIMEOUT)
    device.reset()
    expect(trace.seen.length).toBeGreaterThan(9)
    expect(new Set(trace.seen.map(([, by]) => by))).toEqual(new Set(['model']))
  })
})

describe('a traced device', () => {
  it('writes down what was done, under the name of the part', () => {
    const bench = open()
    bar(bench).read32(0)
    bench.device.config.write16(4, 6)
    bench.device.dma.map(frames, 'read').unmap()
    expect(bench.trace.seen.map(([op]) => op)).toEqual(['bar0.read32', 'config.write16', 'dma.map', 'mapping.unmap'])
  })

  it('has the members of the device, and writes nothing down for looking at them', () => {
    const bench = open()
    const { ref, substance, clock } = bench.device
    expect({ ref, substance, clock }).toEqual({
      ref: 'fake:edu',
      substance: 'hardware',
      clock: bench.fake.device.clock,
    })
    expect(bar(bench).size).toBe(4096)
    expect(bench.device.dma.entries).toBe(0)
    expect(bench.trace.seen).toEqual([])
  })

  it('passes results and errors on as they are', async () => {
    const bench = open()
    expect(bar(bench).read32(0)).toBe(0x1234_5678)
    bench.fake.error = refused
    expect(() => bar(bench).read32(0)).toThrow(refused)
    await expect(bench.device.faults.watch().then((watch) => watch.next(TIMEOUT))).rejects.toBe(refused)
  })
})

describe('behind a mapping without an IOMMU', () => {
  it('stands nobody, for nothing is mapped; a register is still answered by the device', async () => {
    const bench = open()
    Object.assign(bench.fake.device.dma.capabilities, { placement: 'identity' })
    const device = traceDevice(bench.fake.device, bench.trace)
    const identity = { ...bench, device }
    expect(await witnessOf(identity, () => device.dma.map(frames, 'both'))).toBe('model')
    expect(await witnessOf(identity, () => device.dma.map(frames, 'both').unmap())).toBe('model')
    expect(await witnessOf(identity, () => bar(identity).read32(0))).toBe('device')
  })
})
