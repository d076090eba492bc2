import { busAddress } from '../../../../src/base/address.ts'
import type { Clock } from '../../../../src/base/clock.ts'
import { MmGetMdlByteCount } from '../../../../src/ddi/mm/mdl.ts'
import type { IMiniportWaveRTStreamNotification } from '../../../../src/ddi/portcls/interfaces.ts'
import { Bytes } from '../plants/broken-ddi.ts'
import type { FrameStore } from '../../../../src/memory/frame-store.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { cyclicStreams, pins, streams } from '../plants/broken-audio.ts'
import { device, domain, viewsOf } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

type Outputs = Parameters<IMiniportWaveRTStreamNotification['AllocateAudioBuffer']>

/** Other answers of a miniport that succeeded. */
const answering = (change: (outputs: Outputs) => void) =>
  streams((stream) => ({
    async AllocateAudioBuffer(...outputs) {
      const status = await stream.AllocateAudioBuffer(...outputs)
      if (status === 0) change(outputs)
      return status
    },
  }))

/** Every stream stops by itself after so many milliseconds. */
function recordingFor(ms: number): Plant {
  let clock: Clock | undefined
  return {
    device: (opened) => {
      clock = opened.clock
      return opened
    },
    ...cyclicStreams((stream) => ({
      async run(options) {
        await stream.run(options)
        clock?.setTimer(ms, () => void stream.pause())
      },
    })),
  }
}

/** Each frame is mapped at its own frame address too. */
const pageAddressesReach = domain((dma) => ({
  map(frames, access, placement) {
    const { memory, indices } = frames
    if (access === 'write') {
      for (const index of indices) {
        const bus = busAddress((memory as FrameStore).physicalAddress(index))
        dma.map({ memory, indices: Uint32Array.of(index) }, access, { kind: 'at', bus })
      }
    }
    return dma.map(frames, access, placement)
  },
}))

/** Defects for the cases of a miniport's buffers. */
export const allocationDefects: Defects = {
  'wavert/sizes-are-rounded-up': [
    planted(
      'it rounds down',
      'WRT-031',
      answering(([requested, , actual]) => (actual.value = requested & ~3)),
    ),
    planted(
      'it tells the requested size',
      'bytes beyond whole frames',
      answering(([requested, , actual]) => (actual.value = requested)),
    ),
    planted(
      'it tells whole pages and one more',
      'WRT-032',
      answering(([, mdl, actual]) => (actual.value = (mdl.value ? MmGetMdlByteCount(mdl.value) : 0) + 4)),
    ),
    planted(
      'the port believes what it is told',
      'ActualSize is',
      pins((pin) => {
        const shown = (): unknown => pin.buffer && { ...pin.buffer, actualSize: 0 }
        return {
          get buffer() {
            return shown() as NonNullable<typeof pin.buffer>
          },
        }
      }),
    ),
    planted(
      'the buffer ends behind the MDL',
      'the buffer ends within the MDL',
      pins((pin) => ({
        get buffer() {
          return pin.buffer && { ...pin.buffer, offset: 1 << 16 }
        },
      })),
    ),
    planted(
      'the barrier is always told',
      'CallMemoryBarrier',
      pins((pin, kernel) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          if (pin.buffer !== undefined) new Bytes(kernel, pin.buffer.description.address).set32(12, 1)
          return status
        },
      })),
    ),
    planted('a sound controller’s buffer is cached', 'HD Audio reports MmWriteCombined', {
      ...device(({ identity }) => ({ identity: { ...identity, classCode: 0x04_0300 } })),
      ...answering((outputs) => (outputs[4].value = 1)),
    }),
    planted(
      'it fails',
      'AllocateAudioBuffer',
      streams(() => ({ AllocateAudioBuffer: () => 0xc000_009a })),
    ),
  ],
  'wavert/short-of-resources': [
    planted(
      'any status is told',
      'status 0xc0000017',
      pins((pin) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          return status === 0xc000_009a ? 0xc000_0017 : status
        },
      })),
    ),
    planted(
      'mappings are left',
      'frames, DMA entries',
      domain((dma) => {
        let left = 0
        return {
          map: (frames, ...rest) => {
            left++
            return dma.map(frames, ...rest)
          },
          get entries() {
            return dma.entries + left
          },
        }
      }),
    ),
    planted(
      'nothing is ever refused',
      'some call had to be refused',
      pins((pin, kernel) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          if (status === 0) return status
          kernel.lowResources.end()
          return pin.allocateBuffer(...args)
        },
      })),
    ),
    planted(
      'the buffer cannot be freed',
      'FreeAudioBuffer',
      pins(() => ({ freeBuffer: () => Promise.resolve(0xc000_0010) })),
    ),
  ],
  'wavert/rest-of-the-last-page': [
    fault('dma-writes-lost', 'the device records to the buffer’s end, turn 1'),
    fault('dma-writes-one-byte-too-many', 'what lies behind the buffer'),
    planted(
      'something is left there',
      'what the client sees behind the buffer',
      pins((pin, kernel) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          const { buffer } = pin
          if (buffer !== undefined) {
            const at = buffer.description.get('BufferAddress') + BigInt(buffer.actualSize)
            kernel.memory.write(at as Parameters<typeof kernel.memory.write>[0], Uint8Array.of(0x55))
          }
          return status
        },
      })),
    ),
    planted('the device records once only', 'turn 2', recordingFor(30)),
    planted(
      'the buffer has whole pages',
      'the buffer ends within a page',
      pins((pin) => ({
        allocateBuffer: ({ RequestedBufferSize, ...request }, out) =>
          pin.allocateBuffer({ ...request, RequestedBufferSize: Math.ceil(RequestedBufferSize / 4096) * 4096 }, out),
      })),
    ),
  ],
  'wavert/page-addresses-move-nothing': [
    fault('dma-writes-lost', 'the device records at logical addresses'),
    planted('page addresses work too', 'bytes that were recorded at the pages’ own addresses', pageAddressesReach),
  ],
  'wavert/device-plays-the-buffer': [
    planted(
      'the client writes into other pages',
      'what the device received',
      viewsOf((pages) => (pages.length === 3 ? pages.toReversed() : pages)),
    ),
    fault('stream-shifts-by-one', 'what the device received'),
    fault('stream-stays-in-first-segment', 'what the device received'),
    fault('tap-empty', 'the device received something'),
    fault('position-stuck', 'the device plays the buffer round its end'),
  ],
}
