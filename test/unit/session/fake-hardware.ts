import { busAddress, physicalAddress } from '../../../src/base/address.ts'
import { OsError, ProbarError } from '../../../src/base/errors.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import type { Block, Device, Fault, Mapping, Region, RegionView } from '../../../src/device/contract.ts'
import { InterruptCounter } from '../../../src/device/interrupt-counter.ts'
import { Segments } from '../../../src/device/segments.ts'
import type { Witness } from '../../../src/record/schema.ts'
import { Trace } from '../../../src/session/trace.ts'

/** What the fake answers; tests change it as they go. */
export class FakeHardware {
  /** What every register reads as, at the width that is asked for. */
  register = 0x0000_00ed_1234_5678n
  /** What a program gives. */
  values: readonly bigint[] = []
  fault: Fault | undefined
  /** What the next call of any part throws. */
  error: Error | undefined
  readonly interrupts = new InterruptCounter(new VirtualClock())
  readonly device: Device

  constructor(substance: Device['substance'] = 'hardware') {
    this.device = fakeDevice(this, substance)
  }

  /** Throws what was planted. */
  check(): void {
    if (this.error !== undefined) throw this.error
  }
}

/** How Probar and how the kernel refuse. */
export const refused = new ProbarError('region-outside', 'refused by Probar')
export const kernelRefused = new OsError('dma-overlap', 'refused by the kernel', 17, 'ioctl VFIO_IOMMU_MAP_DMA')

function fakeDevice(fake: FakeHardware, substance: Device['substance']): Device {
  const device = {
    ref: 'fake:edu',
    substance,
    clock: new VirtualClock(),
    config: registersOf(fake),
    regions: [fakeRegion(fake)],
    dma: { capabilities: {}, entries: 0, map: () => (fake.check(), fakeMapping(fake)) },
    interrupts: fakeInterrupts(fake),
    faults: { observable: true, watch: async () => fakeWatch(fake) },
    notices: { kinds: ['request'], gone: new AbortController().signal, trigger: () => fake.check() },
    reset: () => fake.check(),
    close: () => fake.check(),
    [Symbol.dispose]: () => undefined,
  }
  return device as unknown as Device
}

function registersOf(fake: FakeHardware): RegionView {
  const read = (bits: number) => (): bigint => {
    fake.check()
    return BigInt.asUintN(bits, fake.register)
  }
  const narrow = (bits: number) => (): number => Number(read(bits)())
  const write = (): void => fake.check()
  return {
    read8: narrow(8),
    read16: narrow(16),
    read32: narrow(32),
    read64: read(64),
    write8: write,
    write16: write,
    write32: write,
    write64: write,
    readBlock: (_: number, into: Block) => {
      const value = read(8 * into.BYTES_PER_ELEMENT)()
      for (const index of into.keys()) into[index] = into instanceof BigUint64Array ? value : Number(value)
    },
    writeBlock: write,
    run: () => (fake.check(), BigUint64Array.from(fake.values)),
    close: write,
  } as unknown as RegionView
}

function fakeRegion(fake: FakeHardware): Region {
  const place = { index: 0, kind: 'memory', size: 4096, start: physicalAddress(0) }
  return { ...registersOf(fake), ...place, map: () => registersOf(fake) } as unknown as Region
}

function fakeMapping(fake: FakeHardware): Mapping {
  return {
    segments: Segments.of([{ bus: busAddress(4096), length: 4096 }]),
    access: 'both',
    size: 4096,
    unmap: () => (fake.check(), 4096),
    [Symbol.dispose]: () => undefined,
  }
}

function fakeInterrupts(fake: FakeHardware): Device['interrupts'] {
  const { interrupts } = fake
  return {
    vectors: { intx: 0, msi: 2, msix: 0 },
    maskable: { intx: true, msi: false, msix: false },
    enable: (_kind, vectors) => (fake.check(), interrupts.reset(vectors)),
    disable: () => interrupts.reset(0),
    count: (vector) => (fake.check(), interrupts.count(vector)),
    wait: (vector, after, options) => interrupts.wait(vector, after, options),
    trigger: (vector) => (fake.check(), interrupts.fired(vector)),
    mask: () => fake.check(),
    unmask: () => fake.check(),
  }
}

function fakeWatch(fake: FakeHardware): Awaited<ReturnType<Device['faults']['watch']>> {
  return {
    next: async () => (fake.check(), fake.fault),
    [Symbol.dispose]: () => undefined,
  }
}

/** A trace that keeps who stood behind each operation. */
export class Witnesses extends Trace {
  readonly seen: (readonly [string, Witness])[] = []

  constructor() {
    super()
    this.sink = { record: (op, by) => void this.seen.push([op, by]) }
  }

  /** Who stood behind the operation that ended last. */
  get last(): Witness | undefined {
    return this.seen.at(-1)?.[1]
  }
}
