import { va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Case } from '../../case.ts'
import { ANYWHERE } from '../parts/buffers.ts'
import { homeBytes, mdlBytes } from '../parts/home-bytes.ts'
import { formatBytes, openScripted } from '../parts/scripted-miniport.ts'
import type { Context } from '../../context.ts'

const PAGE = BigInt(PAGE_SIZE)
const EVERYWHERE: bigint = ANYWHERE
/** Of memory that a routine does not touch. */
const UNTOUCHED = 0xa5
const MM_CACHED = 1n

/** Slots behind IUnknown's three, by the reference pages and the order of the declarations in portcls.h. */
const SLOTS = {
  IPortWaveRTStream:
    'AllocatePagesForMdl AllocateContiguousPagesForMdl MapAllocatedPages UnmapAllocatedPages FreePagesFromMdl ' +
    'GetPhysicalPagesCount GetPhysicalPageAddress',
  IMiniportWaveRTStream:
    'SetFormat SetState GetPosition AllocateAudioBuffer FreeAudioBuffer GetHWLatency GetPositionRegister GetClockRegister',
  IMiniportWaveRTStreamNotification:
    'SetFormat SetState GetPosition AllocateAudioBuffer FreeAudioBuffer GetHWLatency GetPositionRegister GetClockRegister ' +
    'AllocateBufferWithNotification FreeBufferWithNotification RegisterNotificationEvent UnregisterNotificationEvent',
} as const

/** Calls a port's stream as a driver in another language does: by a pointer, its vtable, and a slot of that. */
function foreignCalls(context: Context) {
  const { ddi } = context
  const image = ddi.waveRT.imageOf(ddi.portcls)
  const vtable = va(homeBytes(context, image.address, 8).getBigUint64(0, true))
  return (slot: number, ...words: readonly bigint[]): bigint => {
    const code = va(homeBytes(context, vtable, 80).getBigUint64(8 * slot, true))
    return image.call(code, image.address, ...words)
  }
}

export const layoutCases: readonly Case[] = [
  {
    id: 'wavert/vtable-slots',
    title: 'a call by a slot of the vtable reaches the method that is declared there, 3 to 9 behind IUnknown',
    rules: ['WRT-001'],
    run: (context) => {
      const { check, ddi, kernel } = context
      for (const [name, methods] of Object.entries(SLOTS)) {
        const listed = ddi.waveRT.methodsOf(name as keyof typeof SLOTS).slice(3)
        check.equal(listed.map((method) => method.name).join(' '), methods, `${name}, from slot 3 on`)
      }
      const call = foreignCalls(context)
      const scattered = call(3, EVERYWHERE, 5000n)
      check.equal(homeBytes(context, va(scattered), 48).getUint32(40, true), 2 * PAGE_SIZE, 'ByteCount, by slot 3')
      check.equal(call(8, scattered), 2n, 'pages, by slot 8')
      const adjacent = call(4, 0n, EVERYWHERE, 3n * PAGE)
      const pfns = homeBytes(context, va(adjacent), mdlBytes(3))
      const first = pfns.getBigUint64(48, true)
      check.equal(pfns.getBigUint64(64, true), first + 2n, 'page number 2, by slot 4')
      const view = va(call(5, adjacent, MM_CACHED))
      kernel.memory.write(view, Uint8Array.of(1))
      check.equal(kernel.memory.read(view, 1)[0], 1, 'a byte of the view, by slot 5')
      call(6, view, adjacent)
      check.refused('access-violation', 'the view after slot 6', () => kernel.memory.read(view, 1))
      const before = kernel.frames.allocated
      call(7, adjacent)
      call(7, scattered)
      check.equal(before - kernel.frames.allocated, 5, 'pages given back, by slot 7')
    },
  },
  {
    id: 'wavert/hidden-result-pointer',
    title: 'GetPhysicalPageAddress by its slot takes the address for its result behind this, and returns that',
    rules: ['WRT-002'],
    run: (context) => {
      const { check, ddi, kernel, frames } = context
      const call = foreignCalls(context)
      const mdl = check.present(ddi.portcls.AllocatePagesForMdl(ANYWHERE, 2 * PAGE_SIZE), 'pages')
      const block = check.present(kernel.pool.allocate(24), 'memory for the result')
      frames.write(Number(block.address - frames.address), new Uint8Array(24).fill(UNTOUCHED))
      const result = va(block.address + 8n)
      check.equal(call(9, result, mdl.address, 1n), result, 'what the call returns')
      const bytes = homeBytes(context, block.address, 24)
      check.equal(bytes.getBigUint64(8, true), ddi.portcls.GetPhysicalPageAddress(mdl, 1), 'the 8 bytes of the result')
      const all = new Uint8Array(bytes.buffer, bytes.byteOffset, 24)
      check.filled(all.subarray(0, 8), UNTOUCHED, 'memory in front of the result')
      check.filled(all.subarray(16), UNTOUCHED, 'memory behind the result')
      kernel.pool.free(block.address)
      ddi.portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/structure-layouts',
    title: 'position, latency, registers, buffer and format have the sizes and offsets of the real headers',
    rules: ['WRT-001'],
    run: async (context) => {
      const { check } = context
      const { pin, answers } = await openScripted(context)
      check.equal(await pin.allocateBuffer({ RequestedBufferSize: 6000 }), 0, 'allocateBuffer')
      const buffer = check.present(pin.buffer, 'the buffer')
      const bytes = homeBytes(context, buffer.description.address, 16)
      check.equal(buffer.description.layout.size, 16, 'bytes of KSRTAUDIO_BUFFER')
      check.equal(bytes.getUint32(8, true), answers.actualSize(6000), 'ActualBufferSize at byte 8')
      check.equal(bytes.getUint32(12, true), 1, 'CallMemoryBarrier at byte 12')
      const address = va(bytes.getBigUint64(0, true))
      check.equal(address % PAGE, BigInt(answers.offset), 'BufferAddress at byte 0, in its page')
      // What the scripted miniport writes, it writes at literal offsets.
      const { PlayOffset, WriteOffset } = pin.position()
      check.equal(`${PlayOffset} ${WriteOffset}`, '1111 2222', 'PlayOffset at byte 0 and WriteOffset at byte 8')
      const latency = pin.latency()
      check.equal(latency.layout.size, 12, 'bytes of KSRTAUDIO_HWLATENCY')
      const delays = (['FifoSize', 'ChipsetDelay', 'CodecDelay'] as const).map((name) => latency.get(name)).join(' ')
      check.equal(delays, '16 7 9', 'FifoSize at byte 0, ChipsetDelay at 4, CodecDelay at 8')
      const register: Parameters<typeof pin.clockRegister>[0] = {}
      check.equal(pin.clockRegister(register), 0, 'clockRegister')
      const clock = check.present(register.value, 'the clock register')
      check.equal(clock.layout.size, 40, 'bytes of KSRTAUDIO_HWREGISTER')
      const members = (['Register', 'Width', 'Numerator', 'Denominator', 'Accuracy'] as const).map((name) =>
        clock.get(name),
      )
      check.equal(
        members.join(' '),
        '4096 32 48000 1001 3',
        'Register at byte 0, Width 8, Numerator 16, Denominator 24',
      )
      const format = formatBytes(context, answers)
      check.equal(format.getUint32(0, true), 82, 'FormatSize at byte 0')
      check.equal(format.getUint32(64 + 4, true), 48_000, 'nSamplesPerSec at byte 68')
      check.equal(format.getUint16(64 + 12, true), 4, 'nBlockAlign at byte 76')
      check.equal(format.getUint16(64 + 14, true), 16, 'wBitsPerSample at byte 78')
      await pin.close()
    },
  },
]
