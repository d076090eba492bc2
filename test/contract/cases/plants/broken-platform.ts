import { busAddress } from '../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import type { Device, DmaDomain, Fault, Frames, Region, RegionView } from '../../../../src/device/contract.ts'
import type { FrameRequest, FrameStore } from '../../../../src/memory/frame-store.ts'
import type { MemorySurface } from '../../../../src/native/surface.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { altered } from './altered.ts'

/** What stands below the DDIs, broken: device, DMA domain, faults, BARs, frames and native memory. */

export const device = (alter: (device: Device) => Partial<Device>): Plant => ({
  device: (device) => altered(device, alter(device)),
})

export const domain = (alter: (dma: DmaDomain) => Partial<DmaDomain>): Plant =>
  device(({ dma }) => ({ dma: altered(dma, alter(dma)) }))

export const regions = (alter: (bar: Region) => Partial<Region>): Plant =>
  device((device) => ({ regions: device.regions.map((bar) => altered(bar, alter(bar))) }))

/** @param alter gets how many views of the BAR were made before this one */
export const views = (alter: (view: RegionView, before: number) => Partial<RegionView>): Plant =>
  regions((bar) => {
    let made = 0
    return {
      map: (offset, length, at) => {
        const view = bar.map(offset, length, at)
        return altered(view, alter(view, made++))
      },
    }
  })

export const reportedFaults = (alter: (fault: Fault) => Fault): Plant =>
  device(({ faults }) => ({
    faults: altered(faults, {
      watch: async (signal) => {
        const watch = await faults.watch(signal)
        return altered(watch, {
          next: async (options) => {
            const fault = await watch.next(options)
            return fault === undefined ? undefined : alter(fault)
          },
          [Symbol.dispose]: () => watch[Symbol.dispose](),
        })
      },
    }),
  }))

export const frames = (alter: (frames: FrameStore) => Partial<FrameStore>): Plant => ({
  frames: (frames) => altered(frames, alter(frames)),
})

export const native = (alter: (native: MemorySurface) => Partial<MemorySurface>): Plant =>
  frames(({ native }) => ({ native: altered(native, alter(native)) }))

/** Every view shows these frames instead of those that were asked for. */
export const viewsOf = (other: (indices: Uint32Array, protection: number) => Uint32Array): Plant =>
  native((memory) => ({
    mapFrames: (at, area, indices, protection) => memory.mapFrames(at, area, other(indices, protection), protection),
  }))

export const reversed = viewsOf((indices) => indices.toReversed())

/** Takes any free frames, wherever the window is. */
export const windowIgnored = frames((store) => ({
  allocate: ({ count, contiguous }: FrameRequest) =>
    store.allocate({ count, ...(contiguous === undefined ? {} : { contiguous }) }),
}))

/** Gives out the same frames again to whoever asks for as many; single pages are spared, the engine has one. */
export const givenTwice: Plant = {
  frames: (store) => {
    const given = new Map<number, Uint32Array>()
    const taken = new Set<number>()
    return altered(store, {
      allocate(request) {
        const repeats = request.contiguous !== true && request.count > 1
        const indices = (repeats ? given.get(request.count) : undefined) ?? store.allocate(request)
        if (repeats) given.set(request.count, indices)
        for (const index of indices) taken.add(index)
        return indices
      },
      free: (indices) => store.free(indices.filter((index) => taken.delete(index))),
    })
  },
}

/** The last page of every longer mapping is not in its segments. */
export const lastPageMissing = domain((dma) => ({
  map(mapped, access, placement) {
    const mapping = dma.map(mapped, access, placement)
    const { segments, size } = mapping
    return altered(mapping, { segments: segments.slice(0, Math.max(PAGE_SIZE, size - PAGE_SIZE)) })
  },
}))

/** Adjacent frames where there are some, any frames otherwise. */
export const contiguousOrAny = frames((store) => ({
  allocate(request) {
    const found = store.allocate(request)
    if (found.length > 0) return found
    const { contiguous: _, alignment: __, ...scattered } = request
    return store.allocate(scattered)
  },
}))

/** When a mapping ends, the byte behind its last frame is overwritten, as by a bounce buffer that copies too much. */
export const bouncesTooMuch = domain((dma) => ({
  map(mapped: Frames, access, placement) {
    const mapping = dma.map(mapped, access, placement)
    const { memory, indices } = mapped
    return altered(mapping, {
      unmap() {
        for (const index of indices) scribble(memory, (index + 1) * PAGE_SIZE, indices)
        return mapping.unmap()
      },
    })
  },
}))

function scribble(memory: Frames['memory'], at: number, own: Uint32Array): void {
  if (at < memory.size && !own.includes(at / PAGE_SIZE)) memory.write(at, Uint8Array.of(0x5a))
}

/** Each single frame is mapped at its own frame address too, where the device can address that. */
export const frameAddressesReach: Plant = {
  device: (device) => {
    const { dma } = device
    return altered(device, {
      dma: altered(dma, {
        map(frames, access, placement) {
          const at = frameAddress(frames)
          const reachable = at < 1n << BigInt(dma.capabilities.addressBits)
          if (frames.indices.length === 1 && access === 'write' && reachable)
            dma.map(frames, access, { kind: 'at', bus: busAddress(at) })
          return dma.map(frames, access, placement)
        },
      }),
    })
  },
}

/** The domain maps a single frame at its frame address, as without an IOMMU. */
export const identity = domain((dma) => ({
  map(frames, access, placement) {
    const at = frameAddress(frames)
    const reachable = at < 1n << BigInt(dma.capabilities.addressBits)
    return frames.indices.length === 1 && access === 'write' && reachable
      ? dma.map(frames, access, { kind: 'at', bus: busAddress(at) })
      : dma.map(frames, access, placement)
  },
}))

function frameAddress({ memory, indices }: Frames): bigint {
  const [first = 0] = indices
  return (memory as FrameStore).physicalAddress(first)
}

/** Every view but the first ones shows these frames instead of those that were asked for. */
export const laterViewsOf = (other: (indices: Uint32Array) => Uint32Array, first = 1): Plant =>
  native((memory) => {
    let made = 0
    return {
      mapFrames: (at, area, indices, protection) =>
        memory.mapFrames(at, area, made++ >= first ? other(indices) : indices, protection),
    }
  })

/** Whatever is mapped at an address where something was mapped before shows the frames of that. */
export const mappedForGood = native((memory) => {
  const before = new Map<number, Uint32Array>()
  return {
    mapFrames(at, area, indices, protection) {
      const first = before.get(at)
      const shown = first?.length === indices.length ? first : indices
      before.set(at, shown)
      return memory.mapFrames(at, area, shown, protection)
    },
  }
})
