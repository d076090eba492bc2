import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { StreamIrp } from '../../../../src/ddi/ks/stream-irp.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { type Bytes, ks } from '../plants/broken-ddi.ts'
import { atAnyLevel } from '../plants/broken-locking.ts'
import { domain } from '../plants/broken-platform.ts'
import { after, answers, edge, instead, spoilt, swallows } from '../plants/broken-streams.ts'
import { type Defects, planted } from '../plants/defect.ts'

const { STATUS_CANCELLED, STATUS_DEVICE_NOT_READY, STATUS_INSUFFICIENT_RESOURCES, STATUS_PENDING, STATUS_SUCCESS } =
  NtStatus

/** IoCancelIrp gives something else than it should. */
const cancelGives = (change: (cancelled: boolean) => boolean): Plant =>
  instead('IoCancelIrp', (ks, [irp]) => change(ks.IoCancelIrp(irp)))

/** The status of an IRP is another after IoCancelIrp. */
const cancelLeaves = (status: number, which: (irp: StreamIrp) => boolean = () => true): Plant =>
  after('IoCancelIrp', (_, [irp]) => {
    if (which(irp)) irp.IoStatus.Status = status
  })

/** Every other IRP is said to be cancelled, too. */
const cancelsAll = ks((ks) => {
  const irps: StreamIrp[] = []
  return {
    queueFrames(pin, frames, completed) {
      const irp = ks.queueFrames(pin, frames, completed)
      irps.push(irp)
      return irp
    },
    IoCancelIrp(irp) {
      const cancelled = ks.IoCancelIrp(irp)
      for (const other of irps) other.IoStatus.Status = STATUS_CANCELLED
      return cancelled
    },
  }
})

/** The position under the leading edge, the second time that it is asked for. */
const secondTime = (spoil: (bytes: Bytes) => void): Plant => {
  let calls = 0
  return edge('Leading', 1, (bytes) => {
    if (++calls > 1) spoil(bytes)
  })
}

/** Another callback is called than was given. */
const calling = (
  change: (
    cancel: NonNullable<Cancel>,
    kernel: Parameters<Parameters<typeof instead<'KsStreamPointerClone'>>[1]>[2],
  ) => Cancel,
): Plant =>
  instead('KsStreamPointerClone', (ks, [source, cancel, size, made], kernel) =>
    ks.KsStreamPointerClone(source, cancel === null ? null : change(cancel, kernel), size, made),
  )

type Cancel = Parameters<Parameters<typeof instead<'KsStreamPointerClone'>>[1]>[1][1]

const registeringFails = planted(
  'registering fails',
  'RegisterAdapterObjectEx',
  answers('RegisterAdapterObjectEx', STATUS_INSUFFICIENT_RESOURCES),
)

/** Defects for the cases of cancellation. */
export const cancellationDefects: Defects = {
  'ks/locked-frame-is-not-cancelled': [
    planted(
      'it says that it is done',
      'IoCancelIrp waits for the lock',
      cancelGives(() => true),
    ),
    planted('locks do not count', 'the IRP while the edge is locked', cancelLeaves(STATUS_CANCELLED)),
    planted(
      'the position is lost',
      'Count while the edge is locked',
      ks((ks, kernel) => {
        let locked: Parameters<typeof ks.accept>[0] | null = null
        return {
          KsPinGetLeadingEdgeStreamPointer: (pin, state) => (locked = ks.KsPinGetLeadingEdgeStreamPointer(pin, state)),
          IoCancelIrp(irp) {
            const cancelled = ks.IoCancelIrp(irp)
            if (locked !== null) {
              kernel.frames.write(Number(locked.address - kernel.frames.address) + 56, new Uint8Array(8))
              ks.accept(locked)
            }
            return cancelled
          },
        }
      }),
    ),
    planted('it is forgotten', 'the IRP after the lock', answers('IoCancelIrp', false)),
    planted('the clone is locked all the same', 'locking the clone', answers('KsStreamPointerLock', STATUS_SUCCESS)),
    planted('the edge is locked all the same', 'locking the edge', answers('KsStreamPointerLock', STATUS_SUCCESS, 2)),
    planted(
      'the clone keeps its header',
      'StreamHeader of the clone',
      spoilt('KsStreamPointerLock', (bytes) => bytes.set64(16, 8n)),
    ),
    planted(
      'it always waits',
      'IoCancelIrp without a lock',
      cancelGives(() => false),
    ),
    planted(
      'it is pending still',
      'an IRP without a lock',
      cancelLeaves(STATUS_PENDING, ({ IoStatus }) => IoStatus.Status === STATUS_CANCELLED),
    ),
  ],
  'ks/edge-skips-what-is-cancelled': [
    registeringFails,
    planted(
      'nothing is mapped',
      'DMA mappings of the locked frame',
      domain(() => ({ entries: 0 })),
    ),
    planted('nothing is cancelled', 'DMA mappings after the cancellation', answers('IoCancelIrp', true)),
    planted(
      'the edge stays',
      'entries under the edge',
      secondTime((bytes) => bytes.set32(56, 2)),
    ),
  ],
  'ks/cancel-tells-unlocked-clones': [
    planted('the edge is held', 'to the second frame', answers('KsStreamPointerAdvance', STATUS_DEVICE_NOT_READY)),
    planted('the edge is held later', 'to another IRP', answers('KsStreamPointerAdvance', STATUS_DEVICE_NOT_READY, 2)),
    planted(
      'nobody is told',
      'callbacks',
      calling(() => null),
    ),
    planted(
      'they are told at PASSIVE_LEVEL',
      'callbacks',
      calling((cancel, kernel) => (pointer) => atAnyLevel(kernel, () => cancel(pointer))),
    ),
    planted(
      'it says that it waits',
      'IoCancelIrp',
      cancelGives(() => false),
    ),
    planted('it is pending still', 'the IRP afterwards', cancelLeaves(STATUS_PENDING)),
    planted('all IRPs are cancelled', 'another IRP', cancelsAll),
    planted('nobody knows of clones', 'the first clone left', answers('KsPinGetFirstCloneStreamPointer', null)),
    planted('one clone is known', 'the second clone left', answers('KsStreamPointerGetNextClone', null)),
  ],
  'ks/cancel-callback-leaves-the-queue-alone': [
    planted(
      'it may lock',
      'locking in a cancel callback',
      swallows('KsStreamPointerLock', 'KSM-046', STATUS_DEVICE_NOT_READY),
    ),
    planted(
      'it may advance',
      'advancing in a cancel callback',
      swallows('KsStreamPointerAdvance', 'KSM-046', STATUS_SUCCESS),
    ),
    planted(
      'it may clone',
      'cloning in a cancel callback',
      swallows('KsStreamPointerClone', 'KSM-046', STATUS_DEVICE_NOT_READY),
    ),
    planted(
      'it may have the edge',
      'the leading edge in a cancel callback',
      swallows('KsPinGetLeadingEdgeStreamPointer', 'KSM-046', null),
    ),
    planted(
      'it says that it waits',
      'IoCancelIrp',
      cancelGives(() => false),
    ),
    planted('it is pending still', 'the IRP afterwards', cancelLeaves(STATUS_PENDING)),
  ],
}
