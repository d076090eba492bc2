import { ProbarError } from '../../../../src/base/errors.ts'
import type {
  IommufdSurface,
  MemorySurface,
  VfioHotResetInfo,
  VfioIommuInfo,
  VfioRegionInfo,
  VfioSurface,
} from '../../../../src/native/surface.ts'

type Surface = MemorySurface & VfioSurface & IommufdSurface
type Kind = 'container' | 'group' | 'iommufd' | 'device' | 'ioas' | 'area' | 'interrupts'

/** One piece of memory that the device may reach. */
interface Entry {
  readonly iova: bigint
  readonly size: bigint
  readonly offset: number
  readonly flags: number
}

const MAPPABLE: VfioRegionInfo = { flags: 7, size: 8192, offset: 0n, mappable: BigUint64Array.of(0n, 8192n) }
const UNMAPPABLE: VfioRegionInfo = { ...MAPPABLE, flags: 3, mappable: new BigUint64Array() }

/**
 * Native code over no kernel at all: it knows what is open and what is mapped, and refuses what is closed, as the addon
 * does. Registers are bytes.
 */
export class FakeVfio {
  /** The call that fails, and after how many that work. */
  failing: { readonly call: keyof Surface; readonly after?: number } | undefined
  readonly calls: string[] = []
  /** Descriptors, areas and interrupt sets by number. */
  readonly open = new Map<number, Kind>()
  readonly entries: Entry[] = []
  readonly registers = new DataView(new ArrayBuffer(8192))
  /** Each access to a register of a BAR. */
  readonly accesses: { readonly offset: number; readonly bytes: number }[] = []
  /** BAR 0, BAR 2, which cannot be mapped, and config space. */
  readonly regions: Record<number, VfioRegionInfo> = {
    0: MAPPABLE,
    1: MAPPABLE,
    2: UNMAPPABLE,
    6: { ...UNMAPPABLE, flags: 1, size: 0 },
    7: { ...UNMAPPABLE, size: 4096 },
  }
  /** Of each interrupt index: INTx, MSI, MSI-X, error, request. */
  vectors: readonly number[] = [0, 4, 0, 1, 1]
  resettable = true
  /** Types of IOMMU that there are, and the one that was set. */
  types: readonly number[] = [1, 3, 8]
  type: number | undefined
  iommu: VfioIommuInfo = {
    pageSizes: 0x4020_1000n,
    ranges: BigUint64Array.of(0n, 0xfedf_ffffn, 0xfef0_0000n, (1n << 39n) - 1n),
    available: 64,
  }
  /** PCI Express: only such a device reports errors. */
  express = true
  /** Of slot or bus, as the kernel tells it. */
  hotReset: VfioHotResetInfo | undefined
  /** By interrupt index, for those that are armed. */
  readonly notifiers = new Map<number, (vector: number, fired: number) => void>()
  readonly native: Surface
  #next = 1

  constructor() {
    const surface = {
      ...openingCalls(this),
      ...deviceCalls(this),
      ...registerCalls(this),
      ...dmaCalls(this),
      ...iommufdCalls(this),
    }
    this.native = new Proxy(surface as unknown as Surface, {
      get:
        (target, key) =>
        (...args: readonly unknown[]): unknown => {
          this.#failIfPlanted(String(key))
          this.calls.push(String(key))
          const call = Reflect.get(target, key) as (...all: readonly unknown[]) => unknown
          return call(...args)
        },
    })
  }

  /** What is open, by kind. */
  get kinds(): readonly string[] {
    return [...this.open.values()].toSorted()
  }

  add(kind: Kind): number {
    this.open.set(this.#next, kind)
    return this.#next++
  }

  /** @throws ProbarError closed */
  need(handle: number): void {
    if (!this.open.has(handle)) throw new ProbarError('closed', `${handle} is closed`)
  }

  remove(handle: number): void {
    this.need(handle)
    this.open.delete(handle)
  }

  #failIfPlanted(call: string): void {
    if (this.failing?.call !== call) return
    const { after = 0 } = this.failing
    if (this.calls.filter((one) => one === call).length >= after) throw new Error(`${call} fails, as planted`)
  }
}

const openingCalls = (fake: FakeVfio) => ({
  openContainer: () => fake.add('container'),
  openGroup: (container: number) => (fake.need(container), fake.add('group')),
  setIommu: (container: number, type: number) => {
    fake.need(container)
    if (!fake.types.includes(type)) throw new ProbarError('iommu-unavailable', `no IOMMU of type ${type}`)
    fake.type = type
  },
  openDevice: (group: number) => (fake.need(group), fake.add('device')),
  closeDescriptor: (descriptor: number) => fake.remove(descriptor),
  release: (area: number) => fake.remove(area),
})

const deviceCalls = (fake: FakeVfio) => ({
  deviceInfo: (file: number) => (fake.need(file), { flags: fake.resettable ? 1 : 0, regions: 9, interrupts: 5 }),
  regionInfo: (file: number, index: number) => (fake.need(file), fake.regions[index]),
  interruptInfo: (file: number, index: number) => {
    fake.need(file)
    if (index === 3 && !fake.express) throw new ProbarError('interrupt-unavailable', 'conventional PCI')
    return { flags: index === 0 ? 7 : 1, count: fake.vectors[index] ?? 0 }
  },
  reset: (file: number) => fake.need(file),
  hotResetInfo: (file: number) => {
    fake.need(file)
    if (fake.hotReset === undefined) throw new ProbarError('capability-missing', 'no reset of the bus')
    return fake.hotReset
  },
  hotReset: (file: number, group?: number) => {
    fake.need(file)
    if (group !== undefined) fake.need(group)
  },
  mapRegion: (file: number) => (fake.need(file), fake.add('area')),
  armInterrupts: (file: number, index: number, _count: number, notify: (vector: number, fired: number) => void) => {
    fake.need(file)
    fake.notifiers.set(index, notify)
    return fake.add('interrupts')
  },
  triggerInterrupt: (set: number) => fake.need(set),
  maskInterrupt: (set: number) => fake.need(set),
  unmaskInterrupt: (set: number) => fake.need(set),
  disarmInterrupts: (set: number) => fake.remove(set),
})

const GETTERS = { 8: 'getUint8', 16: 'getUint16', 32: 'getUint32', 64: 'getBigUint64' } as const
const SETTERS = { 8: 'setUint8', 16: 'setUint16', 32: 'setUint32', 64: 'setBigUint64' } as const
type Bits = keyof typeof GETTERS

function registerCalls(fake: FakeVfio): Record<string, unknown> {
  const get = (handle: number, offset: number, bits: Bits): number | bigint => {
    fake.need(handle)
    fake.accesses.push({ offset, bytes: bits / 8 })
    return fake.registers[GETTERS[bits]](offset, true)
  }
  const set = (handle: number, offset: number, bits: Bits, value: number | bigint): void => {
    fake.need(handle)
    fake.accesses.push({ offset, bytes: bits / 8 })
    fake.registers[SETTERS[bits]](offset, value as never, true)
  }
  const calls: Record<string, unknown> = {
    readRegion: (file: number, _index: number, offset: number, width: number) =>
      BigInt(get(file, offset, (width * 8) as Bits)),
    writeRegion: (file: number, _index: number, offset: number, width: number, value: bigint) =>
      set(file, offset, (width * 8) as Bits, width === 8 ? value : Number(value)),
  }
  for (const bits of [8, 16, 32, 64] as const) {
    calls[`load${bits}`] = (area: number, offset: number) => get(area, offset, bits)
    calls[`store${bits}`] = (area: number, offset: number, value: number | bigint) => set(area, offset, bits, value)
  }
  return calls
}

const dmaCalls = (fake: FakeVfio) => ({
  iommuInfo: (container: number) => {
    fake.need(container)
    return fake.iommu
  },
  mapDma: (container: number, _area: number, offset: number, size: number, iova: bigint, flags: number) => {
    fake.need(container)
    fake.entries.push({ iova, size: BigInt(size), offset, flags })
  },
  unmapDma: (container: number, iova: bigint, size: bigint) => {
    fake.need(container)
    const at = fake.entries.findIndex((entry) => entry.iova === iova && entry.size === size)
    if (at === -1) return 0
    fake.entries.splice(at, 1)
    return Number(size)
  },
})

/** A device is attached to one address space at most, and an address space in use is not destroyed. */
function iommufdCalls(fake: FakeVfio) {
  const attached = new Map<number, number>()
  const mapped = dmaCalls(fake)
  return {
    openIommufd: () => fake.add('iommufd'),
    openDeviceFile: (path: string) => {
      if (path !== '/dev/vfio/devices/vfio3') throw new ProbarError('iommu-unavailable', `${path} is not there`)
      return fake.add('device')
    },
    bindIommufd: (device: number, iommufd: number) => (fake.need(device), fake.need(iommufd), 1),
    allocateIoas: (iommufd: number) => (fake.need(iommufd), fake.add('ioas')),
    attachIoas: (device: number, ioas: number) => (fake.need(ioas), attached.set(device, ioas), 7),
    detachIoas: (device: number) => {
      if (!attached.delete(device)) throw new ProbarError('os-error', 'not attached')
    },
    destroyIommuObject: (iommufd: number, id: number) => {
      fake.need(iommufd)
      if ([...attached.values()].includes(id)) throw new ProbarError('os-error', 'in use')
      fake.remove(id)
    },
    ioasRanges: (iommufd: number, ioas: number) => {
      fake.need(iommufd)
      fake.need(ioas)
      return { ranges: BigUint64Array.of(0n, 0xfedf_ffffn, 0xfef0_0000n, (1n << 39n) - 1n), alignment: 4096 }
    },
    mapIoas: (
      iommufd: number,
      ioas: number,
      area: number,
      offset: number,
      size: number,
      iova: bigint,
      flags: number,
    ) => (fake.need(iommufd), mapped.mapDma(ioas, area, offset, size, iova, flags)),
    unmapIoas: (iommufd: number, ioas: number, iova: bigint, size: bigint) => (
      fake.need(iommufd),
      mapped.unmapDma(ioas, iova, size)
    ),
  }
}
