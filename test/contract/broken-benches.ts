import { busAddress } from '../../src/base/address.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import type { Device, Mapping, Region, RegionView } from '../../src/device/contract.ts'
import { Segments } from '../../src/device/segments.ts'
import type { Bench } from './bench.ts'
import { brokenRegisters } from './broken-registers.ts'

/** The thing with some members exchanged; the others stay its own, private state included. */
function altered<T extends object>(thing: T, members: Partial<T>): T {
  return new Proxy(thing, {
    get(target, name) {
      const source = Object.hasOwn(members, name) ? members : target
      const value: unknown = Reflect.get(source, name, source)
      return typeof value === 'function' ? value.bind(source) : value
    },
  })
}

type Part = (device: Device) => Partial<Device>

const broken = (part: Part) => (bench: Bench) => ({ ...bench, device: altered(bench.device, part(bench.device)) })

const regions = (alter: (region: Region) => Partial<Region>) =>
  broken((device) => ({ regions: device.regions.map((region) => altered(region, alter(region))) }))

const views = (alter: (view: RegionView) => Partial<RegionView>) =>
  regions((region) => ({
    map: (offset, length, at) => {
      const view = region.map(offset, length, at)
      return altered(view, alter(view))
    },
  }))

const mappings = (alter: (mapping: Mapping, frames: Uint32Array) => Partial<Mapping>) =>
  broken(({ dma }) => ({
    dma: altered(dma, {
      map: (frames, access, placement) => {
        const mapping = dma.map(frames, access, placement)
        return altered(mapping, alter(mapping, frames.indices))
      },
    }),
  }))

function onlyOnce(act: () => void): () => void {
  let done = false
  return () => {
    if (done) throw new Error('a second time')
    done = true
    act()
  }
}

/** Wrapped like the broken ones, and not broken. */
export const soundBenches: Readonly<Record<string, (bench: Bench) => Bench>> = {
  device: broken(() => ({})),
  views: views(() => ({})),
  mappings: mappings(() => ({})),
}

/** For checks of what no defect of the loopback touches: the check's name, and a device that it has to notice. */
export const brokenBenches: Readonly<Record<string, (bench: Bench) => Bench>> = {
  ...Object.fromEntries(Object.entries(brokenRegisters).map(([name, alter]) => [name, regions(alter)])),
  'a block of a view counts from the view, and ends with it': views((view) => ({
    readBlock: (offset, into) => (into[0] = offset < view.length ? view.read32(offset) : 0),
  })),
  'a program of a view counts from the view, and ends with it': views(() => ({ close: () => undefined })),
  'a register that is no multiple of the width is refused': regions((region) => ({
    read32: (offset) => region.read32(offset - (offset % 4)),
  })),
  'a BAR can be mapped whole, or not at all': regions(() => ({ mappableAreas: [] })),
  'it says how it is reset, or refuses to be': broken(() => ({ resets: undefined })),
  'only kinds that the platform can mask are masked': broken(({ interrupts }) => ({
    interrupts: altered(interrupts, { mask: () => undefined }),
  })),
  'an access outside a view is refused': views((view) => ({
    read32: (offset) => (offset < view.length ? view.read32(offset) : 0),
  })),
  'a view is dead once closed, and closing it twice is harmless': views(() => ({ close: () => undefined })),
  'bus addresses do not tell frames': mappings((_, frames) => ({
    segments: Segments.of(Array.from(frames, (frame) => ({ bus: busAddress(frame * PAGE_SIZE), length: PAGE_SIZE }))),
  })),
  'a frame can be mapped twice, at two places': broken(({ dma }) => {
    const mapped = new Set<number>()
    return {
      dma: altered(dma, {
        map: (frames, access) => {
          if (frames.indices.some((frame) => mapped.has(frame))) throw new Error('mapped before')
          for (const frame of frames.indices) mapped.add(frame)
          return dma.map(frames, access)
        },
      }),
    }
  }),
  'a mapping of no frames is refused': broken(({ dma }) => ({
    dma: altered(dma, {
      map: (frames, access) => dma.map({ ...frames, indices: Uint32Array.of(...frames.indices, 0) }, access),
    }),
  })),
  'what was unmapped cannot be unmapped again, but disposed': mappings((mapping) => ({
    [Symbol.dispose]: () => void mapping.unmap(),
  })),
  'entries count what is mapped': broken(({ dma }) => ({ dma: altered(dma, { entries: 0 }) })),
  'a wait can be cancelled, before and while it waits': broken(({ interrupts }) => ({
    interrupts: altered(interrupts, {
      wait: (vector, after, { timeoutMs }) => interrupts.wait(vector, after, { timeoutMs }),
    }),
  })),
  'what the device lacks, or cannot have beside what is enabled, is refused': broken(({ interrupts }) => ({
    interrupts: altered(interrupts, { enable: () => interrupts.enable('msi', 1) }),
  })),
  'closing gives back mappings, and what is disposed after it is harmless': broken((device) => ({
    close: onlyOnce(() => device.close()),
  })),
}
