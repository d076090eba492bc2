import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Segments } from '../../../../src/device/segments.ts'
import { MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { platform } from '../dma/broken.ts'
import { notAtAll, remapped } from '../dma/bounce.ts'
import { altered } from '../plants/altered.ts'
import { Bytes, ks } from '../plants/broken-ddi.ts'
import { bouncesTooMuch, domain } from '../plants/broken-platform.ts'
import {
  after,
  answers,
  completing,
  dataUsed,
  edge,
  instead,
  keepsFrame,
  spoilt,
  stuck,
} from '../plants/broken-streams.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

const { STATUS_DEVICE_NOT_READY, STATUS_INSUFFICIENT_RESOURCES } = NtStatus

const registeringFails = planted(
  'registering fails',
  'RegisterAdapterObjectEx',
  answers('RegisterAdapterObjectEx', STATUS_INSUFFICIENT_RESOURCES),
)

const longest = (maxBytes: number): Plant =>
  instead('RegisterAdapterObjectEx', (ks, [adapter, description, count, , stride]) =>
    ks.RegisterAdapterObjectEx(adapter, description, count, maxBytes, stride),
  )

/** The table under the locked leading edge. */
const table = (spoil: (bytes: Bytes) => void): Plant =>
  edge('Leading', 1, (_, pointer, kernel) => spoil(new Bytes(kernel, pointer.Offset.Mappings)))

/** A clone that goes leaves a byte in its frame. */
const scribbles = instead('KsStreamPointerDelete', (ks, [pointer], kernel) => {
  const mdl = ks.KsStreamPointerGetMdl(pointer)
  ks.KsStreamPointerDelete(pointer)
  const index = mdl === null ? undefined : kernel.frames.indexOf(Number(MmGetMdlPfnArray(mdl)[0]))
  if (index !== undefined) kernel.frames.write(index * PAGE_SIZE, Uint8Array.of(0x5a))
})

/** Another mapping of the frame is made after a routine, and nobody ends it. */
const mapsAgain = (name: 'KsStreamPointerLock' | 'IoCancelIrp'): Plant =>
  ks((ks) => {
    let mdl: Parameters<typeof ks.generateMappings>[0] | null = null
    const again = (): void => {
      if (mdl !== null) ks.generateMappings(mdl, PAGE_SIZE, false, {})
    }
    return {
      queueFrames(pin, frames, completed) {
        mdl ??= frames[0]?.Mdl ?? null
        return ks.queueFrames(pin, frames, completed)
      },
      [name](argument: never) {
        const result = ks[name](argument)
        again()
        return result
      },
    }
  })

/** The device writes what it wrote first once more, after its second frame, and nothing keeps it from there. */
const writesLate: Plant = {
  ...domain((dma) => ({
    entries: 0,
    map(frames, access, placement) {
      const mapping = dma.map(frames, access, placement)
      return access === 'write' ? altered(mapping, { unmap: () => mapping.size }) : mapping
    },
  })),
  engine: (engine) => {
    let first: Segments | undefined
    return altered(engine, {
      async write(target, data, options) {
        const before = first
        first ??= target
        await engine.write(target, data, options)
        if (before !== undefined) await engine.write(before, data, options)
      },
    })
  },
}

/** Defects for the cases in which the device fills and reads frames. */
export const streamingDefects: Defects = {
  'ks/device-fills-a-queued-frame': [
    registeringFails,
    fault('dma-drops-last-byte', 'the frame after'),
    fault('dma-writes-one-byte-too-many', 'the frame after'),
    fault('dma-writes-before', 'the frame after'),
    fault('dma-wrong-page', 'the frame after'),
    fault('dma-page-offset-lost', 'the frame after'),
    fault('dma-swaps-bytes', 'the frame after'),
    planted('the bound is ignored', 'length of an entry', longest(64 * PAGE_SIZE)),
    planted(
      'entries are out of order',
      'the frame after',
      table((bytes) => bytes.exchange(0, 24, 16)),
    ),
    planted('entries end at pages', 'entries that straddle two pages', longest(PAGE_SIZE / 2)),
    planted('it cannot be advanced', 'the next entry', stuck(1)),
    planted('AVStream writes entries', 'DataUsed as the client gets it', dataUsed(3)),
    planted('the release writes into the frame', 'the frame when it is complete', scribbles),
    planted('a bounce buffer copies too much', 'a page beside', bouncesTooMuch),
  ],
  'ks/device-reads-a-queued-frame': [
    registeringFails,
    planted(
      'all of the frame is mapped',
      'bytes of the entries',
      instead('queueFrames', (ks, [pin, frames, completed]) =>
        ks.queueFrames(
          pin,
          frames.map((frame) => ({ ...frame, DataUsed: frame.FrameExtent })),
          completed,
        ),
      ),
    ),
    fault('dma-reads-zeros', 'what the device received'),
    planted(
      'nothing is said to be written',
      'bytes written, as the client gets them',
      completing((irp) => void (irp.IoStatus.Information = 0)),
    ),
  ],
  'ks/first-lock-maps': [
    registeringFails,
    planted(
      'frames are mapped when they come',
      'DMA mappings of frames that nobody locked',
      after('queueFrames', (ks, [pin]) => {
        const pointer = ks.KsPinGetLeadingEdgeStreamPointer(pin, 1)
        if (pointer !== null) ks.KsStreamPointerUnlock(pointer, false)
      }),
    ),
    planted(
      'nothing is mapped',
      'DMA mappings after the first lock',
      domain(() => ({ entries: 0 })),
    ),
    planted('a clone is locked once', 'locking once more', answers('KsStreamPointerLock', STATUS_DEVICE_NOT_READY)),
    planted(
      'each lock makes a table',
      'the table of a second lock',
      spoilt('KsStreamPointerLock', (bytes) => bytes.set64(48, bytes.u64(48) + 24n)),
    ),
    planted('each lock maps', 'DMA mappings after a second lock', mapsAgain('KsStreamPointerLock')),
    planted('there is always more', 'advancing without resources', platform({ mapRegisters: 64 })),
    planted(
      'it says that there is no frame',
      'locking without resources',
      instead('KsStreamPointerLock', (ks, [pointer]) => {
        const status = ks.KsStreamPointerLock(pointer)
        return status === STATUS_INSUFFICIENT_RESOURCES ? STATUS_DEVICE_NOT_READY : status
      }),
    ),
    planted(
      'the edge comes unlocked',
      'the edge without resources',
      instead(
        'KsPinGetLeadingEdgeStreamPointer',
        (ks, [pin, state]) =>
          ks.KsPinGetLeadingEdgeStreamPointer(pin, state) ?? ks.KsPinGetLeadingEdgeStreamPointer(pin, 0),
      ),
    ),
    fault('dma-writes-lost', 'what the device wrote to the locked frame'),
    planted(
      'the first frame keeps its resources',
      'locking when the first frame is complete',
      answers('KsStreamPointerDelete', undefined),
    ),
    planted(
      'the last frame is kept',
      'DMA mappings at the end',
      instead('KsStreamPointerUnlock', (ks, [pointer, eject]) => {
        if (eject) keepsFrame(ks, pointer)
        ks.KsStreamPointerUnlock(pointer, eject)
      }),
    ),
  ],
  'ks/bounced-frame-is-whole-when-complete': [
    registeringFails,
    planted(
      'an entry is beyond reach',
      'an entry is within',
      table((bytes) => bytes.set64(0, 1n << 40n)),
    ),
    planted('nothing is bounced', 'the frame before it is complete', remapped),
    planted('nothing is copied', 'the frame when it is complete', notAtAll),
    fault('dma-writes-lost', 'the frame when it is complete'),
  ],
  'ks/clone-keeps-the-device-going': [
    registeringFails,
    fault('dma-writes-lost', 'the frame while a clone is on it'),
    fault('iommu-keeps-translation', 'the frame after its last reference'),
    planted('the clone stays', 'the frame after its last reference', answers('KsStreamPointerDelete', undefined)),
  ],
  'ks/quiet-before-a-clone-goes': [
    registeringFails,
    planted(
      'it says that it waits',
      'IoCancelIrp',
      instead('IoCancelIrp', (ks, [irp]) => !ks.IoCancelIrp(irp)),
    ),
    planted('the device is never idle', 'the device is idle when the clone goes', {
      engine: (engine) => altered(engine, { idle: () => false }),
    }),
    planted('the clone is not told', 'the device is idle when the clone goes', answers('IoCancelIrp', true)),
    planted('the frame is mapped again', 'DMA mappings afterwards', mapsAgain('IoCancelIrp')),
    fault('dma-writes-lost', 'the next frame'),
    planted('the device writes late', 'the frame that was cancelled', writesLate),
  ],
  'ks/no-fault-when-a-clone-goes': [
    registeringFails,
    fault('dma-writes-lost', 'the frame while the clone is on it'),
    planted('the device goes on', 'the device is idle after the abort', {
      engine: (engine) => altered(engine, { abort: async () => undefined }),
    }),
    planted('the device goes on, and denies it', 'a fault when the clone goes', {
      engine: (engine) => {
        let asked = 0
        return altered(engine, { abort: async () => undefined, idle: () => asked++ > 0 || engine.idle() })
      },
    }),
    fault('iommu-keeps-translation', 'a fault when the entries are used afterwards'),
  ],
}
