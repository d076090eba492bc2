import { sleep } from '../../../base/clock.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { GUARD_BYTE, orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import { release } from '../parts/buffers.ts'
import { MAPPINGS, Stream, clientFrame, registerAdapter, remainingEntries } from '../parts/streams.ts'

const STRIDE = 24
/** Longer than any transfer of these cases. */
const QUIET_MS = 400
const FAULT_TIMEOUT_MS = 5000

/** What becomes of a device's access when the last reference to a frame goes. */
export const endingCases: readonly Case[] = [
  {
    id: 'ks/clone-keeps-the-device-going',
    title: 'the device reaches a frame for as long as a clone is on it, and no longer',
    rules: ['KSM-027', 'KSM-044'],
    needs: ['engine', 'revocation'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      check.equal(registerAdapter(context, { stride: STRIDE }), 0, 'RegisterAdapterObjectEx')
      const { mdl, view } = clientFrame(context, PAGE_SIZE)
      const stream = new Stream(context, { flags: MAPPINGS })
      stream.queueMdls({ Mdl: mdl, FrameExtent: PAGE_SIZE })
      const leading = stream.leading()
      const entry = remainingEntries(context, leading, STRIDE).slice(0, 128)
      const clone = stream.clone(leading)
      stream.eject(leading)
      const pattern = orderPattern(128, 59)
      await engine.write(entry, pattern, { signal })
      check.bytes(kernel.memory.read(view, 128), pattern, 'the frame while a clone is on it')
      ddi.ks.KsStreamPointerDelete(clone)
      kernel.memory.fill(view, PAGE_SIZE, GUARD_BYTE)
      await engine.write(entry, pattern, { signal })
      check.filled(kernel.memory.read(view, PAGE_SIZE), GUARD_BYTE, 'the frame after its last reference')
      stream.close()
      release(context, mdl)
    },
  },
  {
    id: 'ks/quiet-before-a-clone-goes',
    title:
      'a driver whose frame is cancelled under a transfer ends it, sees the device idle, deletes its clone, and the device writes no more',
    rules: ['KSM-047', 'KSM-046'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, device, engine, kernel, signal } = context
      check.equal(registerAdapter(context, { stride: STRIDE }), 0, 'RegisterAdapterObjectEx')
      const { mdl, view } = clientFrame(context, PAGE_SIZE)
      const mapped = device.dma.entries
      const stream = new Stream(context, { flags: MAPPINGS })
      const irp = stream.queueMdls({ Mdl: mdl, FrameExtent: PAGE_SIZE })
      const leading = stream.leading()
      const entries = remainingEntries(context, leading, STRIDE)
      let idle: boolean | undefined
      const clone = stream.clone(leading, (pointer) => {
        idle = engine.idle()
        ddi.ks.KsStreamPointerDelete(pointer)
      })
      ddi.ks.KsStreamPointerUnlock(leading, true)
      const transfer = engine.write(entries, orderPattern(PAGE_SIZE, 61), { signal }).catch(() => undefined)
      for (let i = 0; i < 10 && engine.idle(); i++) await sleep(device.clock, 1, signal)
      await engine.abort()
      await transfer
      ddi.ks.KsStreamPointerUnlock(clone, false)
      check.ok(ddi.ks.IoCancelIrp(irp), 'IoCancelIrp')
      check.ok(idle === true, 'the device is idle when the clone goes')
      check.equal(device.dma.entries, mapped, 'DMA mappings afterwards')
      kernel.memory.fill(view, PAGE_SIZE, GUARD_BYTE)
      const last = clientFrame(context, PAGE_SIZE)
      kernel.memory.fill(last.view, PAGE_SIZE, 0)
      stream.queueMdls({ Mdl: last.mdl, FrameExtent: PAGE_SIZE })
      const next = stream.leading()
      const whole = orderPattern(PAGE_SIZE, 67)
      await engine.write(remainingEntries(context, next, STRIDE), whole, { signal })
      check.bytes(kernel.memory.read(last.view, PAGE_SIZE), whole, 'the next frame')
      check.filled(kernel.memory.read(view, PAGE_SIZE), GUARD_BYTE, 'the frame that was cancelled')
      stream.eject(next)
      stream.close()
      for (const one of [mdl, last.mdl]) release(context, one)
    },
  },
  {
    id: 'ks/no-fault-when-a-clone-goes',
    title:
      'no fault is reported when the clone of an idle device goes, and one is when the device uses the entries afterwards',
    rules: ['KSM-047', 'KSM-027'],
    needs: ['engine', 'revocation', 'faults'],
    run: async (context) => {
      const { check, ddi, device, engine, kernel, signal } = context
      check.equal(registerAdapter(context, { stride: STRIDE }), 0, 'RegisterAdapterObjectEx')
      const stream = new Stream(context, { flags: MAPPINGS })
      const { mdl, view } = clientFrame(context, PAGE_SIZE)
      stream.queueMdls({ Mdl: mdl, FrameExtent: PAGE_SIZE })
      const leading = stream.leading()
      const entry = remainingEntries(context, leading, STRIDE).slice(0, 64)
      const clone = stream.clone(leading)
      ddi.ks.KsStreamPointerUnlock(leading, true)
      const pattern = orderPattern(64, 79)
      await engine.write(entry, pattern, { signal })
      check.bytes(kernel.memory.read(view, 64), pattern, 'the frame while the clone is on it')
      using watch = await device.faults.watch(signal)
      const transfer = engine.write(entry, orderPattern(64, 71), { signal }).catch(() => undefined)
      for (let i = 0; i < 10 && engine.idle(); i++) await sleep(device.clock, 1, signal)
      await engine.abort()
      check.ok(engine.idle(), 'the device is idle after the abort')
      ddi.ks.KsStreamPointerDelete(clone)
      const early = await watch.next({ timeoutMs: QUIET_MS, signal })
      check.equal(early?.direction ?? 'none', 'none', 'a fault when the clone goes')
      await transfer
      await engine.write(entry, orderPattern(64, 73), { signal })
      check.present(
        await watch.next({ timeoutMs: FAULT_TIMEOUT_MS, signal }),
        'a fault when the entries are used afterwards',
      )
      stream.close()
      release(context, mdl)
    },
  },
]
