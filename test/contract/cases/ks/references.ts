import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { Irp } from '../../../../src/ddi/io/irp.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { KsPin } from '../../../../src/ddi/ks/pin.ts'
import type { KsStreamPointer } from '../../../../src/ddi/ks/pointers/stream-pointer.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes, ks } from '../plants/broken-ddi.ts'
import {
  after,
  afterRefusal,
  answers,
  cloned,
  completing,
  dataUsed,
  edge,
  flagged,
  instead,
  spoilt,
  stuck,
  swallows,
  together,
  withPin,
} from '../plants/broken-streams.ts'
import { type Defects, planted } from '../plants/defect.ts'

const { STATUS_DEVICE_NOT_READY, STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS, STATUS_UNSUCCESSFUL } = NtStatus

const leading = (spoil: (bytes: Bytes, pointer: KsStreamPointer) => void): Plant => edge('Leading', 1, spoil)

/** Whoever asks for a lock and cannot have it gets the pointer all the same. */
const lockedAnyhow = instead(
  'KsPinGetLeadingEdgeStreamPointer',
  (ks, [pin, state]) => ks.KsPinGetLeadingEdgeStreamPointer(pin, state) ?? ks.KsPinGetLeadingEdgeStreamPointer(pin, 0),
)
const queueForAll = flagged((flags) => flags & ~0x8_0000)

/** The IRP is known for ever. */
const irpForEver = ks((ks) => {
  let last: Irp | null = null
  return {
    queueFrames(pin, frames, completed) {
      const irp = ks.queueFrames(pin, frames, completed)
      last = irp
      return irp
    },
    KsStreamPointerGetIrp: () => last,
  }
})

/** What the last clone was made of is spoilt when a pointer advances by so much. */
const sourceMoves = (amount: number, offset: number, value: number): Plant =>
  ks((ks, kernel) => {
    let source: KsStreamPointer | undefined
    return {
      KsStreamPointerClone(pointer, cancel, size, made) {
        source = pointer
        return ks.KsStreamPointerClone(pointer, cancel, size, made)
      },
      KsStreamPointerAdvanceOffsets(pointer, inUsed, outUsed, eject) {
        const status = ks.KsStreamPointerAdvanceOffsets(pointer, inUsed, outUsed, eject)
        if (outUsed === amount && source !== undefined) {
          new Bytes(kernel, source.address).set32(offset, value)
          ks.accept(source)
        }
        return status
      },
    }
  })

/** The first clone is spoilt when a pointer advances by so much. */
const cloneMoves = (amount: number, value: number): Plant =>
  withPin((pin) =>
    after('KsStreamPointerAdvanceOffsets', (ks, [, , outUsed], kernel) => {
      const clone = outUsed === amount ? ks.KsPinGetFirstCloneStreamPointer(pin()) : null
      if (clone === null) return
      new Bytes(kernel, clone.address).set32(60, value)
      ks.accept(clone)
    }),
  )

/** The context is not the clone's alone. */
const shortContext = instead('KsStreamPointerClone', (ks, [source, cancel, size, made]) =>
  ks.KsStreamPointerClone(source, cancel, size === 40 ? 8 : size, made),
)

const deleting = (act: (ks: Ks, pointer: KsStreamPointer, call: number) => void): Plant => {
  let calls = 0
  return instead('KsStreamPointerDelete', (ks, [pointer]) => act(ks, pointer, ++calls))
}

function deletesAll(ks: Ks, pin: KsPin): void {
  for (let clone = ks.KsPinGetFirstCloneStreamPointer(pin); clone !== null;) {
    const next = ks.KsStreamPointerGetNextClone(clone)
    ks.KsStreamPointerDelete(clone)
    clone = next
  }
}

/** Defects for the cases of edges, clones and completion. */
export const referenceDefects: Defects = {
  'ks/leading-edge': [
    planted(
      'there is always a queue, and a lock',
      'a locked edge without a queue',
      together(queueForAll, lockedAnyhow),
    ),
    planted('there is always a queue', 'an edge without a queue', queueForAll),
    planted('there is always a lock', 'a locked edge without a frame', lockedAnyhow),
    planted(
      'it is there with a frame only',
      'the leading edge',
      instead('KsPinGetLeadingEdgeStreamPointer', (ks, [pin]) => ks.KsPinGetLeadingEdgeStreamPointer(pin, 1)),
    ),
    planted(
      'it points somewhere',
      'StreamHeader of an edge without a frame',
      edge('Leading', 0, (bytes) => bytes.set64(16, 8n)),
    ),
    planted('the IRP is known for ever', 'the IRP of an unlocked edge', irpForEver),
    planted(
      'each lock gives another',
      'the address of the locked edge',
      instead('KsPinGetLeadingEdgeStreamPointer', (ks, [pin, state]) => {
        const pointer = ks.KsPinGetLeadingEdgeStreamPointer(pin, state)
        if (pointer === null || state === 0) return pointer
        const made: { value?: KsStreamPointer } = {}
        ks.KsStreamPointerClone(pointer, null, 0, made)
        return made.value ?? pointer
      }),
    ),
    planted(
      'it has no position',
      'Count of the locked edge',
      leading((bytes) => bytes.set32(56, 0)),
    ),
    planted('a locked frame has no IRP', 'the IRP of the locked edge', answers('KsStreamPointerGetIrp', null)),
  ],
  'ks/clone-begins-as-its-source': [
    planted('it cannot be advanced', 'advancing the source', stuck(10)),
    planted(
      'there is no clone',
      'KsStreamPointerClone',
      answers('KsStreamPointerClone', STATUS_INSUFFICIENT_RESOURCES),
    ),
    planted(
      'the clone is the source',
      'the address of the clone',
      instead('KsStreamPointerClone', (_, [source, , , made]) => {
        made.value = source
        return STATUS_SUCCESS
      }),
    ),
    planted(
      'the clone has no frame',
      'the header of the clone',
      cloned((bytes) => bytes.set64(16, 0n)),
    ),
    planted(
      'the clone begins at the start',
      'Remaining of the clone',
      cloned((bytes) => bytes.set32(60, bytes.u32(56))),
    ),
    planted(
      'no clone is locked',
      'the MDL of a locked clone',
      cloned((_, clone, ks) => ks.KsStreamPointerUnlock(clone, false)),
    ),
    planted('a clone cannot be advanced', 'advancing the clone', stuck(50)),
    planted('the source goes along', 'Remaining of the source', sourceMoves(50, 60, 40)),
    planted('the source is held', 'the source leaves the frame', stuck(90)),
    planted('the clone goes along', 'Remaining of the clone afterwards', cloneMoves(90, 0)),
    planted(
      'every clone is locked',
      'the MDL of an unlocked clone',
      cloned((_, clone, ks) => void ks.KsStreamPointerLock(clone)),
    ),
    planted('nobody knows of clones', 'the first clone', answers('KsPinGetFirstCloneStreamPointer', null)),
    planted('one clone is known', 'the next clone', answers('KsStreamPointerGetNextClone', null)),
    planted(
      'the last clone comes again',
      'a clone after the last',
      instead('KsStreamPointerGetNextClone', (ks, [pointer]) => ks.KsStreamPointerGetNextClone(pointer) ?? pointer),
    ),
    planted('clones stay', 'frames complete after the clone', answers('KsStreamPointerDelete', undefined)),
    planted(
      'the edge does not count',
      'frames complete while the edge is on the second',
      withPin((pin) =>
        deleting((ks, pointer, call) => {
          const edge = ks.KsPinGetLeadingEdgeStreamPointer(pin(), 0)
          if (call === 2 && edge !== null) ks.KsStreamPointerAdvance(edge)
          ks.KsStreamPointerDelete(pointer)
        }),
      ),
    ),
  ],
  'ks/clone-context': [
    planted(
      'the context lies 8 bytes further',
      'Context of a clone with one',
      cloned((bytes, { address }) => bytes.set64(0, address + 72n)),
    ),
    planted(
      'the context is not zeroed',
      'the context at first',
      cloned((bytes) => bytes.write(64, Uint8Array.of(1))),
    ),
    planted('the context is too short', 'the context at first', shortContext),
    planted(
      'the second context lies 8 bytes further',
      'Context of another clone',
      cloned((bytes, { address, contextBytes }) => {
        if (contextBytes.length === 16) bytes.set64(0, address + 72n)
      }),
    ),
    planted('a clone cannot be advanced', 'advancing with a full context', stuck(1)),
    planted(
      'AVStream writes there',
      'the context afterwards',
      spoilt('KsStreamPointerAdvanceOffsets', (bytes) => bytes.write(64, Uint8Array.of(1))),
    ),
    planted(
      'every clone has a context',
      'Context of a clone without one',
      cloned((bytes, { address }) => bytes.set64(0, address + 64n)),
    ),
    planted(
      'the leading edge has a context',
      'Context of the leading edge',
      leading((bytes, { address }) => bytes.set64(0, address + 64n)),
    ),
    planted('there is no trailing edge', 'a trailing edge', answers('KsPinGetTrailingEdgeStreamPointer', null)),
    planted(
      'the trailing edge has a context',
      'Context of the trailing edge',
      edge('Trailing', 0, (bytes, { address }) => bytes.set64(0, address + 64n)),
    ),
  ],
  'ks/last-reference-completes': [
    planted('the IRP is another', 'KsStreamPointerGetIrp', answers('KsStreamPointerGetIrp', new Irp())),
    planted(
      'first is last',
      'first and last of the first frame',
      instead('KsStreamPointerGetIrp', (ks, [pointer, first, last]) => ks.KsStreamPointerGetIrp(pointer, last, first)),
    ),
    planted('the edge is held', 'passing the first frame', answers('KsStreamPointerAdvance', STATUS_DEVICE_NOT_READY)),
    planted(
      'clones do not count',
      'the IRP while both frames have clones',
      withPin((pin) => after('KsStreamPointerUnlock', (ks) => deletesAll(ks, pin()))),
    ),
    planted(
      'one clone counts for all',
      'IRPs complete while the first frame has a clone',
      withPin((pin) => deleting((ks) => deletesAll(ks, pin()))),
    ),
    planted(
      'no status is taken',
      'KsStreamPointerSetStatusCode',
      answers('KsStreamPointerSetStatusCode', STATUS_UNSUCCESSFUL),
    ),
    planted(
      'the last clone stays',
      'IRPs complete after the last clone',
      answers('KsStreamPointerDelete', undefined, 2),
    ),
    planted('the status is lost', 'the status of the IRP', answers('KsStreamPointerSetStatusCode', STATUS_SUCCESS)),
    planted(
      'one header is returned',
      'the bytes of its headers',
      completing((irp) => void (irp.IoStatus.Information = 56)),
    ),
    planted(
      'an IRP is complete at once',
      'another IRP',
      instead('queueFrames', (ks, [pin, frames, completed]) => {
        const irp = ks.queueFrames(pin, frames, completed)
        if (frames.length === 1) irp.IoStatus.Status = STATUS_SUCCESS
        return irp
      }),
    ),
    planted(
      'the status is for all',
      'the status of another IRP',
      completing((irp) => void (irp.IoStatus.Status = STATUS_UNSUCCESSFUL)),
    ),
  ],
  'ks/trailing-edge-keeps-the-window': [
    planted(
      'there is no window',
      'frames complete behind the leading edge',
      flagged((flags) => flags & ~0x200),
    ),
    planted('there is no trailing edge', 'the trailing edge', answers('KsPinGetTrailingEdgeStreamPointer', null)),
    planted(
      'the trailing edge stays',
      'frames complete after 1 steps',
      instead('KsStreamPointerUnlock', (ks, [pointer]) => ks.KsStreamPointerUnlock(pointer, false)),
    ),
  ],
  'ks/only-clones-are-deleted': [
    planted('an edge is deleted', 'the leading edge', swallows('KsStreamPointerDelete', 'KSM-045', undefined)),
    planted(
      'the frame is lost',
      'frames complete after that',
      withPin((pin) =>
        afterRefusal('KsStreamPointerDelete', (ks, [pointer]) => {
          deletesAll(ks, pin())
          ks.KsStreamPointerAdvance(pointer)
        }),
      ),
    ),
    planted('a clone dies twice', 'a clone that was deleted', swallows('KsStreamPointerDelete', 'KSM-042', undefined)),
    planted('a dead clone is locked', 'locking it', swallows('KsStreamPointerLock', 'KSM-042', STATUS_SUCCESS)),
    planted(
      'locks are not looked at',
      'unlocking what is not locked',
      swallows('KsStreamPointerUnlock', 'KSM-041', undefined),
    ),
  ],
  'ks/data-used-is-the-drivers': [
    planted(
      'registering fails',
      'RegisterAdapterObjectEx',
      answers('RegisterAdapterObjectEx', STATUS_INSUFFICIENT_RESOURCES),
    ),
    planted(
      'it is full at first',
      'DataUsed at first',
      leading((_, pointer) => pointer.StreamHeader?.set('DataUsed', 4096)),
    ),
    planted('it cannot be advanced', 'advancing by two entries', stuck(2)),
    planted(
      'AVStream writes entries',
      'DataUsed after two entries',
      after('KsStreamPointerAdvanceOffsets', (_, [{ StreamHeader, OffsetOut }]) =>
        StreamHeader?.set('DataUsed', OffsetOut.Count - OffsetOut.Remaining),
      ),
    ),
    planted('nothing is ejected', 'ejecting', stuck(0)),
    planted('AVStream writes entries at last', 'DataUsed as the client gets it', dataUsed(2)),
    planted(
      'any number will do',
      'a byte more than the frame',
      swallows('KsStreamPointerUnlock', 'KSM-037', undefined),
    ),
    planted(
      'the frame is complete all the same',
      'frames complete after that',
      afterRefusal('KsStreamPointerUnlock', (ks, [pointer]) => {
        pointer.StreamHeader?.set('DataUsed', 0)
        ks.KsStreamPointerUnlock(pointer, true)
      }),
    ),
    planted('nothing is full', 'all of the frame', dataUsed(4095, 1)),
  ],
}
