import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { type Va, va } from '../../../../src/base/address.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import type { StreamIrp } from '../../../../src/ddi/ks/stream-irp.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { altered } from '../plants/altered.ts'
import { Bytes, ks } from '../plants/broken-ddi.ts'
import { bouncesTooMuch, domain } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

/** A device that goes on whatever it is told, and says that it is at rest. */
const deaf: Plant = {
  engine: (engine) => altered(engine, { abort: () => Promise.resolve(), idle: () => true }),
}

/** The same, behind an IOMMU that lets it: nothing is ever unmapped. */
const deafAndLet: Plant = {
  ...deaf,
  ...domain((dma) => ({
    map: (...args) => {
      const mapping = dma.map(...args)
      return altered(mapping, { unmap: () => mapping.size })
    },
  })),
}

/** It says too early that it is at rest: once, when it was told to end. */
const restsTooEarly: Plant = {
  engine: (engine) => {
    let told = false
    return altered(engine, {
      abort: (...args) => {
        told = true
        engine.abort(...args).catch(() => undefined)
        return Promise.resolve()
      },
      idle: (channel) => {
        const lie = told
        told = false
        return lie || engine.idle(channel)
      },
    })
  },
}

/** There is no frame when the leading edge is asked for the n-th time. */
const noFrameAt = (n: number): Plant =>
  ks((ks) => {
    let calls = 0
    return {
      KsPinGetLeadingEdgeStreamPointer: (...args) =>
        ++calls === n ? null : ks.KsPinGetLeadingEdgeStreamPointer(...args),
    }
  })

/** The table of a frame is spoilt when its pointer is locked. */
const tableBytes = (spoil: (bytes: Bytes, count: number) => void): Plant =>
  ks((ks, kernel) => ({
    KsPinGetLeadingEdgeStreamPointer: (...args) => {
      const pointer = ks.KsPinGetLeadingEdgeStreamPointer(...args)
      const { Mappings, Count = 0 } = pointer?.OffsetOut ?? {}
      if (Mappings !== undefined && Count > 1) spoil(new Bytes(kernel, Mappings), Count)
      return pointer
    },
  }))

const swapped = tableBytes((bytes, count) => bytes.exchange(0, (count - 1) * 24, 16))
const packed = tableBytes((bytes, count) => {
  for (let i = 1; i < count; i++) bytes.write(16 * i, bytes.read(24 * i, 16))
})

/** Something is done to the frame of a clone before that is deleted. */
const deleting = (spoil: (clone: KsStreamPointer, ks: Ks, kernel: Kernel) => void): Plant =>
  ks((ks, kernel) => ({
    KsStreamPointerDelete: (clone) => {
      spoil(clone, ks, kernel)
      ks.KsStreamPointerDelete(clone)
    },
  }))

const deletionForgotten = ks(() => ({ KsStreamPointerDelete: () => undefined }))

const failing = deleting((clone, ks) => void ks.KsStreamPointerSetStatusCode(clone, NtStatus.STATUS_UNSUCCESSFUL))
const countsEntries = deleting(({ StreamHeader, OffsetOut }) => StreamHeader?.set('DataUsed', OffsetOut.Count))
const tailCleared = deleting(({ StreamHeader }, _, kernel) => {
  const used = StreamHeader?.get('DataUsed') ?? 0
  const rest = (StreamHeader?.get('FrameExtent') ?? 0) - used
  if (StreamHeader !== null && rest > 0) kernel.memory.fill(va(StreamHeader.get('Data') + BigInt(used)), rest, 0)
})

/** When the n-th clone is deleted, a byte of the frame that was cloned as the m-th is overwritten. */
function scribbling(n: number, frame: (data: readonly Va[]) => Va | undefined): Plant {
  const data: Va[] = []
  let deleted = 0
  return ks((ks, kernel) => ({
    KsStreamPointerClone: (source, ...rest) => {
      data.push(va(source.StreamHeader?.get('Data') ?? 0n))
      return ks.KsStreamPointerClone(source, ...rest)
    },
    KsStreamPointerDelete: (clone) => {
      ks.KsStreamPointerDelete(clone)
      const at = frame(data)
      if (++deleted === n && at !== undefined) kernel.memory.write(at, Uint8Array.of(0x5a))
    },
  }))
}

/** A byte at the end of a frame is overwritten when its clone is advanced. */
const lastByteSpoilt = ks((ks, kernel) => ({
  KsStreamPointerAdvanceOffsets: (clone, ...rest) => {
    const { StreamHeader } = clone
    const end = (StreamHeader?.get('Data') ?? 0n) + BigInt((StreamHeader?.get('FrameExtent') ?? 1) - 1)
    kernel.memory.write(va(end), Uint8Array.of(0x5a))
    return ks.KsStreamPointerAdvanceOffsets(clone, ...rest)
  },
}))

const cancelling = (cancel: (ks: Ks, irp: StreamIrp, irps: readonly StreamIrp[], kernel: Kernel) => boolean): Plant =>
  ks((ks, kernel) => {
    const irps: StreamIrp[] = []
    return {
      queueFrames: (...args) => {
        const irp = ks.queueFrames(...args)
        irps.push(irp)
        return irp
      },
      IoCancelIrp: (irp) => cancel(ks, irp, irps, kernel),
    }
  })

const cancelsBackwards = cancelling((ks, irp) => !ks.IoCancelIrp(irp))
const cancelsAll = cancelling((ks, _, irps) => irps.filter((irp) => ks.IoCancelIrp(irp)).length > 0)
const nobodyIsTold = ks((ks) => ({
  KsStreamPointerClone: (source, _cancel, ...rest) => ks.KsStreamPointerClone(source, null, ...rest),
}))
const completedTwice = ks((ks) => ({
  queueFrames: (pin, frames, completed) =>
    ks.queueFrames(pin, frames, (irp) => {
      completed(irp)
      completed(irp)
    }),
}))
const succeeds = cancelling((ks, irp) => {
  const done = ks.IoCancelIrp(irp)
  irp.IoStatus.Status = NtStatus.STATUS_SUCCESS
  return done
})

/** The leading edge goes over two frames. */
const goesTooFar = ks((ks) => ({
  KsStreamPointerUnlock: (pointer, eject) => {
    ks.KsStreamPointerUnlock(pointer, eject)
    if (eject) ks.KsStreamPointerAdvance(pointer)
  },
}))

/** Behind the second frame comes one that nobody queued. */
const queuesMore = ks((ks) => {
  let queued = 0
  return {
    queueFrames: (pin, frames, completed) => {
      const irp = ks.queueFrames(pin, frames, completed)
      if (++queued === 2) ks.queueFrames(pin, [{ Mdl: null, FrameExtent: 0 }], () => undefined)
      return irp
    },
  }
})

/** What is queued is complete at once. */
const completeAtOnce = ks((ks) => ({
  queueFrames: (...args) => {
    const irp = ks.queueFrames(...args)
    irp.IoStatus.Status = NtStatus.STATUS_SUCCESS
    return irp
  },
}))

/** The frame that was queued first is overwritten when the n-th clone is deleted. */
const scribbledFirst = (n: number): Plant => scribbling(n, ([first]) => first)

const bytesOfFrame = (seen: string) => [
  fault('dma-drops-last-byte', seen),
  fault('dma-writes-one-byte-too-many', seen),
  fault('dma-swaps-bytes', seen),
  fault('dma-wrong-page', seen),
  fault('dma-page-offset-lost', seen),
  fault('dma-writes-lost', seen),
]

/** Defects for the cases of the capture pin. */
export const captureDefects: Defects = {
  'ks/capture-fills-frames-in-order': [
    ...bytesOfFrame('frame 0: byte'),
    planted('entries are out of order', 'frame 0: byte', swapped),
    planted('the stride is ignored', 'frame 0: byte 3000', packed),
    planted('a frame is not found', 'frames that were dropped', noFrameAt(1)),
    planted('frames end in an error', 'frame 0, status', failing),
    planted('DataUsed counts entries', 'frame 0, DataUsed', countsEntries),
    planted('a bounce buffer copies too much', 'the pages between', bouncesTooMuch),
  ],
  'ks/capture-leaves-the-tail-alone': [
    fault('dma-writes-one-byte-too-many', 'frame 0: byte'),
    planted('the tail is cleared', 'frame 0: byte 3997', tailCleared),
    planted('DataUsed is the extent', 'frame 0, DataUsed', deleting(extentUsed)),
    planted('frames end in an error', 'frame 0, status', failing),
    planted('a bounce buffer copies too much', 'the pages between', bouncesTooMuch),
  ],
  'ks/capture-cancelled-frame-is-left-by-the-device': [
    planted('the client is told twice', 'times that the client got its buffer back', completedTwice),
    planted('no callback is called', 'the device was at rest', nobodyIsTold),
    planted('the device says too early that it is at rest', 'moves bytes of a frame that has ended', restsTooEarly),
    planted('the frame succeeds', 'status of the frame', succeeds),
    planted('DataUsed is the extent', 'DataUsed is that of whole entries', deleting(extentUsed)),
    fault('dma-swaps-bytes', 'the bytes that were reported'),
    planted('a byte behind is overwritten', 'the entries that were not begun', lastByteSpoilt),
    planted('the device goes on', 'the buffer since then', deafAndLet),
    planted('all frames are cancelled', 'the frame behind it waits', cancelsAll),
    planted('the frame behind it is not found', 'the frame behind it, status', noFrameAt(2)),
    planted('another frame’s end spoils it', 'the buffer after another frame', scribbledFirst(2)),
    planted('it says the contrary', 'IoCancelIrp', cancelsBackwards),
  ],
  'ks/capture-cancellation-causes-no-fault': [planted('the device goes on', 'a fault of the device', deaf)],
  'ks/capture-skips-what-was-cancelled': [
    planted(
      'nothing is cancelled',
      'status of the first frame',
      cancelling(() => true),
    ),
    planted('it says the contrary', 'IoCancelIrp', cancelsBackwards),
    planted('the device fills it', 'the first frame: byte 0', cancelling(scribbled)),
    fault('dma-swaps-bytes', 'the second frame: byte'),
    planted('the second frame is not found', 'the second frame, status', noFrameAt(1)),
  ],
  'ks/capture-stops-with-frames-in-flight': [
    planted('the device says too early that it is at rest', 'the device was at rest', restsTooEarly),
    planted('frames are never complete', 'times that the client got its buffer back', deletionForgotten),
    planted('frames end in an error', 'status of the frame', failing),
    planted('DataUsed is the extent', 'DataUsed is that of whole entries', deleting(extentUsed)),
    fault('dma-swaps-bytes', 'the bytes that were reported'),
    planted('a byte behind is overwritten', 'the entries that were not begun', lastByteSpoilt),
    planted('the leading edge goes too far', 'the frame behind it waits', goesTooFar),
    planted('the frame behind it is not found', 'the frame behind it, status', noFrameAt(2)),
    planted('another frame’s end spoils it', 'the buffer after another frame', scribbledFirst(2)),
  ],
  'ks/capture-drops-what-finds-no-frame': [
    planted('frames are complete at once', 'both wait for the device', completeAtOnce),
    fault('dma-swaps-bytes', 'the first frame: byte'),
    planted('the leading edge goes too far', 'the second frame waits', goesTooFar),
    planted('the second frame is overwritten', 'the second frame while it waits', spoiltSecond()),
    planted('a frame is not found', 'the second frame, DataUsed', noFrameAt(2)),
    planted('there is a frame that nobody queued', 'frames that were dropped', queuesMore),
    planted('a frame is not found when it comes late', 'a frame that was queued later, status', noFrameAt(5)),
  ],
  'ks/capture-fills-frames-side-by-side': [
    fault('dma-swaps-bytes', 'frame 0: byte'),
    planted('frames end in an error', 'frame 0, status', failing),
    planted('DataUsed counts entries', 'frame 0, DataUsed', countsEntries),
    planted('a frame is not found', 'both are taken', noFrameAt(5)),
    planted('frames are complete at once', 'both are in flight', completeAtOnce),
    planted('it says the contrary', 'IoCancelIrp', cancelsBackwards),
    planted('all frames are cancelled', 'the frame beside the cancelled one, status', cancelsAll),
    planted('the device goes on', 'the cancelled frame: byte', deafAndLet),
  ],
  'ks/capture-hands-over-whole-tables': [
    fault('dma-swaps-bytes', 'the frame: byte'),
    planted('entries are out of order', 'the frame: byte', swapped),
    planted(
      'the bound is ignored',
      'the frame has several entries',
      bound(() => 64 * PAGE_SIZE),
    ),
    planted(
      'there are more entries than it says',
      'descriptors',
      tableBytes((bytes, count) => bytes.write(24 * (count - 1) + 8, new Uint8Array(4))),
    ),
    planted('frames end in an error', 'the frame, status', failing),
    planted('DataUsed counts entries', 'the frame, DataUsed', countsEntries),
  ],
}

/** RegisterAdapterObjectEx with another longest entry. */
function bound(instead: (asked: number) => number): Plant {
  return ks((ks) => ({
    RegisterAdapterObjectEx: (adapter, description, registers, maxBytes, stride) =>
      ks.RegisterAdapterObjectEx(adapter, description, registers, instead(maxBytes), stride),
  }))
}

function extentUsed({ StreamHeader }: KsStreamPointer): void {
  StreamHeader?.set('DataUsed', StreamHeader.get('FrameExtent'))
}

/** Cancels, and lets something into the frame. */
function scribbled(ks: Ks, irp: StreamIrp, _: readonly StreamIrp[], kernel: Kernel): boolean {
  const address = irp.MdlAddress?.header.get('MappedSystemVa') ?? 0n
  const done = ks.IoCancelIrp(irp)
  kernel.memory.write(va(address), Uint8Array.of(0x5a))
  return done
}

/** When the first clone is deleted, a byte of the frame that was queued second is overwritten. */
function spoiltSecond(): Plant {
  let queued = 0
  let address = 0n
  return ks((ks, kernel) => ({
    queueFrames: (...args) => {
      const irp = ks.queueFrames(...args)
      if (++queued === 2) address = irp.MdlAddress?.header.get('MappedSystemVa') ?? 0n
      return irp
    },
    KsStreamPointerDelete: (clone) => {
      ks.KsStreamPointerDelete(clone)
      kernel.memory.write(va(address), Uint8Array.of(0x5a))
    },
  }))
}
