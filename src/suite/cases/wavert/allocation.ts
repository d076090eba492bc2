import { va, busAddress } from '../../../base/address.ts'
import { NT_SUCCESS, NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Out } from '../../../ddi/constants.ts'
import { MmGetMdlByteCount } from '../../../ddi/mm/mdl.ts'
import type { WaveRTPin } from '../../../ddi/portcls/wave-rt-pin.ts'
import { Segments } from '../../../device/segments.ts'
import type { Case } from '../../case.ts'
import {
  ANYWHERE,
  MmCached,
  MmWriteCombined,
  mustGetList,
  openAdapter,
  putList,
  spoilFreePages,
} from '../parts/buffers.ts'
import { walkList } from '../parts/home-bytes.ts'
import {
  KSSTATE_PAUSE,
  KSSTATE_RUN,
  type MiniportOf,
  POISON,
  keepingStream,
  openPin,
  overwritten,
  pass,
  records,
  stepTo,
  until,
} from '../parts/pins.ts'
import { STEREO } from '../parts/scripted-miniport.ts'

/** Bytes behind the buffer that the device must leave alone. */
const GUARD = 0x0f
const FRAME = (STEREO.channels * STEREO.bits) / 8
const HD_AUDIO = 0x0403
const DOCUMENTED: readonly number[] = [
  NtStatus.STATUS_SUCCESS,
  NtStatus.STATUS_UNSUCCESSFUL,
  NtStatus.STATUS_INSUFFICIENT_RESOURCES,
  NtStatus.STATUS_DEVICE_NOT_READY,
]

/** Cases of the buffers that a miniport allocates. */
export const allocationCases = (miniport: MiniportOf): readonly Case[] => [
  {
    id: 'wavert/sizes-are-rounded-up',
    title: 'for any requested size the buffer has at least as many bytes, whole frames, and lies within the MDL',
    rules: ['WRT-030', 'WRT-031', 'WRT-032', 'WRT-033'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check, device } = context
      for (const bytes of [1, FRAME - 1, 1001, PAGE_SIZE - 1, PAGE_SIZE, 2 * PAGE_SIZE + 600, 5 * PAGE_SIZE]) {
        const { pin, buffer } = await openPin(context, miniport, { capture: records(context), bytes })
        const { actualSize, offset, mdl, cacheType } = buffer
        const what = `for ${bytes} bytes`
        check.ok(actualSize >= bytes, `ActualSize is ${actualSize} ${what}`)
        check.equal(actualSize % FRAME, 0, `bytes beyond whole frames ${what}`)
        check.ok(offset + actualSize <= MmGetMdlByteCount(mdl), `the buffer ends within the MDL ${what}`)
        const combined = cacheType === MmWriteCombined
        check.equal(buffer.description.get('CallMemoryBarrier'), combined ? 1 : 0, `CallMemoryBarrier ${what}`)
        if (device.identity.classCode >>> 8 === HD_AUDIO) check.ok(combined, 'HD Audio reports MmWriteCombined')
        await pin.close()
      }
    },
  },
  {
    id: 'wavert/short-of-resources',
    title: 'whichever call runs short while a buffer is allocated: a documented status, and nothing is left of it',
    rules: ['WRT-030'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check, ddi, device, kernel } = context
      const counts = (): string =>
        `${kernel.frames.allocated} ${device.dma.entries} ${kernel.memory.views} ${ddi.mm.alive}`
      const out: Out<WaveRTPin> = {}
      const request = { Capture: records(context), format: STEREO }
      check.equal(await ddi.waveRT.openPin(miniport(context, context.cyclic), request, out), 0, 'NewStream')
      const pin = check.present(out.value, 'a pin')
      const before = counts()
      let refused = 0
      for (let call = 1; ; call++) {
        kernel.lowResources.failCall(call)
        const status = await pin.allocateBuffer({ RequestedBufferSize: 3 * PAGE_SIZE })
        const struck = kernel.lowResources.struck.length > 0
        kernel.lowResources.end()
        check.ok(DOCUMENTED.includes(status), `status 0x${status.toString(16)} when call ${call} runs short`)
        if (NT_SUCCESS(status)) check.equal(await pin.freeBuffer(), 0, 'FreeAudioBuffer')
        else refused++
        check.equal(counts(), before, `frames, DMA entries, views and MDLs after call ${call} ran short`)
        if (!struck) break
      }
      check.ok(refused > 0, 'some call had to be refused')
      await pin.close()
    },
  },
  {
    id: 'wavert/rest-of-the-last-page',
    title: 'behind the buffer its last page is zeroed for the client, and the device leaves it alone',
    rules: ['WRT-032', 'MDL-089', 'DMA-062'],
    needs: ['cyclic-input'],
    run: async (context) => {
      const { check, kernel } = context
      spoilFreePages(context)
      const open = await openPin(context, miniport, { capture: true, bytes: PAGE_SIZE + 600 })
      const { pin, buffer, read, fill } = open
      const end = va(buffer.description.get('BufferAddress') + BigInt(buffer.actualSize))
      const rest = MmGetMdlByteCount(buffer.mdl) - buffer.offset - buffer.actualSize
      check.ok(rest > 0, 'the buffer ends within a page')
      check.filled(kernel.memory.read(end, rest), 0, 'what the client sees behind the buffer')
      kernel.memory.fill(end, rest, GUARD)
      fill(POISON)
      await stepTo(context, pin, KSSTATE_RUN)
      for (const turn of [1, 2]) {
        const complete = (): boolean => overwritten(read()) === buffer.actualSize
        await until(context, `the device records to the buffer’s end, turn ${turn}`, complete)
        fill(POISON)
      }
      await stepTo(context, pin, KSSTATE_PAUSE)
      check.filled(kernel.memory.read(end, rest), GUARD, 'what lies behind the buffer')
      await pin.close()
    },
  },
  {
    id: 'wavert/page-addresses-move-nothing',
    title: 'a device that is given GetPhysicalPageAddress itself records nothing; with logical addresses it does',
    rules: ['WRT-020'],
    needs: ['cyclic-input', 'distinct-addresses'],
    run: async (context) => {
      const { check, ddi, cyclic, kernel } = context
      const { portcls } = ddi
      const length = 2 * PAGE_SIZE
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, length), 'pages')
      const view = check.present(portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      kernel.memory.fill(view, length, POISON)
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length, writeToDevice: false })
      const frames = Segments.of(
        [0, 1].map((page) => ({ bus: busAddress(portcls.GetPhysicalPageAddress(mdl, page)), length: PAGE_SIZE })),
      )
      const recorded = (): number => overwritten(kernel.memory.read(view, length))
      const lost = await cyclic.open({ direction: 'input', segments: frames, format: STEREO })
      await lost.run()
      await pass(context, 100)
      // A device that met a fault may be stuck; what counts is memory.
      lost.close()
      check.equal(recorded(), 0, 'bytes that were recorded at the pages’ own addresses')
      const stream = await cyclic.open({ direction: 'input', segments: walkList(context, list), format: STEREO })
      await stream.run()
      await until(context, 'the device records at logical addresses', () => recorded() === length)
      stream.close()
      putList(context, adapter, list, false)
      portcls.UnmapAllocatedPages(view, mdl)
      portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/device-plays-the-buffer',
    title: 'what the device received is what the client wrote into the buffer, in order, from its end to its start',
    rules: ['WRT-015', 'WRT-020', 'WRT-034'],
    needs: ['cyclic-output', 'cyclic-tap'],
    run: async (context) => {
      const { check, cyclic, kernel } = context
      const { engine, stream } = keepingStream(cyclic)
      const { pin, buffer } = await openPin(context, miniport, { capture: false, bytes: 3 * PAGE_SIZE, engine })
      const { actualSize: size } = buffer
      const samples = Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) * 13) & 0xff)
      kernel.memory.write(va(buffer.description.get('BufferAddress')), samples)
      await stepTo(context, pin, KSSTATE_RUN)
      let [last, wrapped] = [0, false]
      await until(context, 'the device plays the buffer round its end', () => {
        const now = pin.position().PlayOffset
        wrapped ||= now < last
        last = now
        return wrapped && now > size / 4
      })
      await stepTo(context, pin, KSSTATE_PAUSE)
      const end = pin.position().PlayOffset
      const tap = await check.present(stream(), 'the device’s stream').played()
      check.ok(tap.length > 0, 'the device received something')
      const { accuracy } = cyclic.abilities
      const shifts = Array.from({ length: 2 * accuracy + 1 }, (_, i) => i - accuracy)
      const expected = (shift: number): Uint8Array =>
        tap.map((_, i) => samples[(end + shift - tap.length + i + size * 1000) % size] ?? 0)
      const fits = shifts.find((shift) => expected(shift).every((byte, i) => byte === tap[i]))
      check.bytes(tap, expected(fits ?? 0), 'what the device received')
      await pin.close()
    },
  },
]
