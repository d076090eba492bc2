import { Bytes, portcls, waveRT } from '../plants/broken-ddi.ts'
import { images, pins } from '../plants/broken-audio.ts'
import { type Defects, planted } from '../plants/defect.ts'

/** Two slots of every vtable are exchanged. */
const exchanged = (first: number, second: number) =>
  images((image, kernel) => {
    const vtable = new Bytes(kernel, image.address).u64(0)
    new Bytes(kernel, vtable as typeof image.address).exchange(8 * first, 8 * second, 8)
    return {}
  })

/** @param slot as it is called, with the `this` in front */
const calling = (slot: number, instead: (words: readonly bigint[], call: (...words: bigint[]) => bigint) => bigint) =>
  images((image, kernel) => {
    const vtable = new Bytes(kernel, image.address).u64(0)
    const code = new Bytes(kernel, vtable as typeof image.address).u64(8 * slot)
    return {
      call: (at, ...words) =>
        at === code ? instead(words, (...other) => image.call(at, ...other)) : image.call(at, ...words),
    }
  })

/** Bytes [first, first + 4) and [second, second + 4) of what a pin's method gave are exchanged. */
const swapped = (first: number, second: number) =>
  pins((pin, kernel) => ({
    clockRegister(out) {
      const status = pin.clockRegister(out)
      if (out.value !== undefined) new Bytes(kernel, out.value.address).exchange(first, second, 4)
      return status
    },
  }))

/** Defects for the cases of layouts. */
export const layoutDefects: Defects = {
  'wavert/vtable-slots': [
    planted('two slots are exchanged', 'is no MDL of this stream', exchanged(8, 9)),
    planted('the allocations are exchanged', 'is no offset', exchanged(3, 4)),
    planted(
      'freeing does not',
      'pages given back, by slot 7',
      calling(7, () => 0n),
    ),
    planted(
      'unmapping does not',
      'the view after slot 6',
      calling(6, () => 0n),
    ),
    planted(
      'a page is missing',
      'page number 2, by slot 4',
      portcls((port) => ({ AllocateContiguousPagesForMdl: (_, high, bytes) => port.AllocatePagesForMdl(high, bytes) })),
    ),
    planted(
      'rounds down',
      'ByteCount, by slot 3',
      portcls((port) => ({ AllocatePagesForMdl: (high, bytes) => port.AllocatePagesForMdl(high, bytes & ~4095) })),
    ),
    planted(
      'there is no view',
      'nothing is mapped',
      calling(5, () => 0n),
    ),
    planted(
      'a miniport’s methods are in another order',
      'IMiniportWaveRTStream, from slot 3 on',
      waveRT((port) => ({
        methodsOf: (name) =>
          name === 'IMiniportWaveRTStream' ? port.methodsOf(name).toReversed() : port.methodsOf(name),
      })),
    ),
  ],
  'wavert/hidden-result-pointer': [
    planted(
      'the result is in the register',
      'what the call returns',
      calling(9, (words, call) => call(...words) + 1n),
    ),
    planted(
      'the index comes before the MDL',
      'is no MDL',
      calling(9, ([self = 0n, result = 0n, mdl = 0n, index = 0n], call) => call(self, result, index, mdl)),
    ),
    planted(
      'it is the page in front',
      'the 8 bytes of the result',
      calling(9, ([self = 0n, result = 0n, mdl = 0n], call) => call(self, result, mdl, 0n)),
    ),
    planted(
      'the result is written 8 bytes too early',
      'the 8 bytes of the result',
      calling(9, ([self = 0n, result = 0n, ...rest], call) => call(self, result - 8n, ...rest) + 8n),
    ),
    planted(
      'more is written than the result',
      'memory behind the result',
      images((image, kernel) => ({
        call(at, ...words) {
          const returned = image.call(at, ...words)
          new Bytes(kernel, returned as typeof image.address).set64(8, 0n)
          return returned
        },
      })),
    ),
    planted(
      'memory in front is written too',
      'memory in front of the result',
      images((image, kernel) => ({
        call(at, ...words) {
          const returned = image.call(at, ...words)
          new Bytes(kernel, returned as typeof image.address).set64(-8, 0n)
          return returned
        },
      })),
    ),
  ],
  'wavert/structure-layouts': [
    planted('Width and Accuracy are exchanged', 'Width 8', swapped(8, 32)),
    planted('Numerator and Denominator are exchanged', 'Numerator 16', swapped(16, 24)),
    planted(
      'the size lies behind the barrier',
      'ActualBufferSize at byte 8',
      pins((pin, kernel) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          if (pin.buffer !== undefined) new Bytes(kernel, pin.buffer.description.address).exchange(8, 12, 4)
          return status
        },
      })),
    ),
    planted(
      'the barrier is left out',
      'CallMemoryBarrier at byte 12',
      pins((pin, kernel) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          if (pin.buffer !== undefined) new Bytes(kernel, pin.buffer.description.address).set32(12, 0)
          return status
        },
      })),
    ),
    planted(
      'the address is that of the page',
      'BufferAddress at byte 0',
      pins((pin, kernel) => ({
        async allocateBuffer(...args) {
          const status = await pin.allocateBuffer(...args)
          const at = pin.buffer && new Bytes(kernel, pin.buffer.description.address)
          at?.set64(0, at.u64(0) & ~0xfffn)
          return status
        },
      })),
    ),
    planted(
      'the offsets are exchanged',
      'PlayOffset at byte 0',
      pins((pin) => ({
        position() {
          const { PlayOffset, WriteOffset } = pin.position()
          return { PlayOffset: WriteOffset, WriteOffset: PlayOffset }
        },
      })),
    ),
    planted(
      'the delays are exchanged',
      'ChipsetDelay at 4',
      pins((pin, kernel) => ({
        latency() {
          const latency = pin.latency()
          new Bytes(kernel, latency.address).exchange(4, 8, 4)
          return latency
        },
      })),
    ),
    planted(
      'the format lacks its wave part',
      'FormatSize at byte 0',
      waveRT((port) => ({
        openPin: (miniport, request, out) =>
          port.openPin(
            {
              NewStream: (stream, portStream, pin, capture, format) => {
                format.header.set('FormatSize', 64)
                return miniport.NewStream(stream, portStream, pin, capture, format)
              },
            },
            request,
            out,
          ),
      })),
    ),
    planted(
      'a frame is a sample',
      'nBlockAlign',
      waveRT((port) => ({
        openPin: (miniport, request, out) =>
          port.openPin(
            {
              NewStream: (stream, portStream, pin, capture, format) => {
                format.wave.set('nBlockAlign', 2)
                return miniport.NewStream(stream, portStream, pin, capture, format)
              },
            },
            request,
            out,
          ),
      })),
    ),
  ],
}
