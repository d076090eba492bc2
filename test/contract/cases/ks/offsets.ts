import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { type Bytes, ks } from '../plants/broken-ddi.ts'
import {
  afterRefusal,
  advancing,
  answers,
  edge,
  instead,
  keepsFrame,
  spoilt,
  stuck,
  swallows,
} from '../plants/broken-streams.ts'
import { type Defects, planted } from '../plants/defect.ts'

const { STATUS_DEVICE_NOT_READY, STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS } = NtStatus
const PAGE = 4096

/** RegisterAdapterObjectEx with another longest entry or another stride. */
const registering = (change: (maxBytes: number, stride: number) => readonly [number, number]): Plant =>
  instead('RegisterAdapterObjectEx', (ks, [adapter, description, count, maxBytes, stride]) =>
    ks.RegisterAdapterObjectEx(adapter, description, count, ...change(maxBytes, stride)),
  )

const registeringFails = planted(
  'registering fails',
  'RegisterAdapterObjectEx',
  answers('RegisterAdapterObjectEx', STATUS_INSUFFICIENT_RESOURCES),
)

const halved = registering((max, stride) => [max / 2, stride])

/** The pointer's bytes after AdvanceOffsets by this amount; by any unless told. */
const advanced = (spoil: (bytes: Bytes, amount: number) => void, only?: number, ejected?: boolean): Plant =>
  spoilt('KsStreamPointerAdvanceOffsets', (bytes, [, inUsed, outUsed, eject]) => {
    const amount = inUsed + outUsed
    if ((only ?? amount) === amount && (ejected ?? eject) === eject) spoil(bytes, amount)
  })

/** AdvanceOffsets answers this to one amount without doing anything, or after `act`. */
const forUnlocked = (
  act: (ks: Parameters<typeof keepsFrame>[0], pointer: Parameters<typeof keepsFrame>[1]) => number,
): Plant =>
  instead('KsStreamPointerAdvanceOffsets', (ks, [pointer, inUsed, outUsed, eject]) =>
    ks.KsStreamPointerGetMdl(pointer) === null
      ? act(ks, pointer)
      : ks.KsStreamPointerAdvanceOffsets(pointer, inUsed, outUsed, eject),
  )

/** Something is done before AdvanceOffsetsAndUnlock by this amount. */
type AndUnlock = Parameters<typeof instead<'KsStreamPointerAdvanceOffsetsAndUnlock'>>[1]
const andUnlock = (amount: number, act: AndUnlock): Plant =>
  instead('KsStreamPointerAdvanceOffsetsAndUnlock', (ks, args, kernel) =>
    args[2] === amount ? act(ks, args, kernel) : ks.KsStreamPointerAdvanceOffsetsAndUnlock(...args),
  )

/** The frame’s MDL is known for ever. */
const mdlForEver = ks((ks) => {
  let last: Mdl | null = null
  return {
    queueFrames(pin, frames, completed) {
      last = frames[0]?.Mdl ?? null
      return ks.queueFrames(pin, frames, completed)
    },
    KsStreamPointerGetMdl: () => last,
  }
})

const offset = (flow: number, change: bigint): Plant =>
  edge('Leading', 1, (bytes, pointer) => {
    const sink = bytes.u64(24) - pointer.address === 32n
    if (sink === (flow === 1)) bytes.set64(24, bytes.u64(24) + change)
  })

const remaining = (flow: number, value: number): Plant =>
  edge('Leading', 1, (bytes, pointer) => {
    const own = Number(bytes.u64(24) - pointer.address)
    if ((own === 32) === (flow === 1)) bytes.set32(own + 12, value)
  })

const eitherSide = advancing(([inUsed, outUsed, eject], _, pointer) =>
  pointer.Offset === pointer.OffsetIn ? [inUsed + outUsed, 0, eject] : [0, inUsed + outUsed, eject],
)

/** Defects for the cases of positions inside frames. */
export const offsetDefects: Defects = {
  'ks/strides-of-a-frame': [
    planted(
      'a stride of 32 is refused',
      'registering at stride 32',
      instead('RegisterAdapterObjectEx', (ks, args) =>
        args[4] === 32 ? STATUS_INSUFFICIENT_RESOURCES : ks.RegisterAdapterObjectEx(...args),
      ),
    ),
    planted(
      'every stride is 16',
      'bytes of the entries at stride 24',
      registering((max) => [max, 16]),
    ),
    planted(
      'the bound is ignored',
      'length at stride 16',
      registering((_, stride) => [64 * PAGE, stride]),
    ),
    planted('it cannot be advanced', 'advancing', stuck(1)),
    planted(
      'what Alignment holds is added',
      'the second entry at stride 16',
      advanced((bytes) => bytes.set64(48, bytes.u64(48) + 0xeen)),
    ),
    planted(
      'the frame is kept',
      'DMA mappings after the frame at stride 16',
      instead('KsStreamPointerUnlock', (ks, [pointer]) => ks.KsStreamPointerUnlock(pointer, false)),
    ),
  ],
  'ks/remaining-falls-by-entries': [
    registeringFails,
    planted('entries are split in two', 'Remaining at first', halved),
    planted('it cannot be advanced', 'advancing by 2', stuck(2)),
    planted(
      'Count falls',
      'Count after 2',
      advanced((bytes) => bytes.set32(56, bytes.u32(60))),
    ),
    planted(
      'Remaining stays',
      'Remaining after 2',
      advanced((bytes) => bytes.set32(60, bytes.u32(56))),
    ),
    planted(
      'Remaining counts bytes',
      'Remaining after 2',
      advanced((bytes, amount) => bytes.set32(60, bytes.u32(60) * PAGE - amount)),
    ),
    planted(
      'Mappings moves by 16',
      'Mappings after 2',
      advanced((bytes, amount) => bytes.set64(48, bytes.u64(48) - BigInt(24 * amount))),
    ),
    planted('nothing is refused', 'advancing by nothing', stuck(0)),
    planted(
      'nothing is everything',
      'Remaining after nothing',
      advanced((bytes) => bytes.set32(60, 0), 0),
    ),
  ],
  'ks/end-of-a-frame': [
    registeringFails,
    planted(
      'the amount is cut',
      'one more than remains',
      advancing(([inUsed, outUsed, eject], _, { OffsetOut }) => [
        inUsed,
        Math.min(outUsed, OffsetOut.Remaining),
        eject,
      ]),
    ),
    planted(
      'a part of it is counted',
      'Remaining after the refusal',
      afterRefusal('KsStreamPointerAdvanceOffsets', (ks, [pointer]) =>
        ks.KsStreamPointerAdvanceOffsets(pointer, 0, 1, false),
      ),
    ),
    planted('all of it is refused', 'all that remains', stuck(3)),
    planted(
      'the frame stays in the queue',
      'frames complete after the first',
      advancing((amounts, ks, pointer) => {
        keepsFrame(ks, pointer)
        return amounts
      }),
    ),
    planted(
      'it goes into the next frame',
      'Remaining of the second frame',
      advanced((bytes) => bytes.set32(60, 3), 3),
    ),
    planted(
      'ejecting fails',
      'ejecting with 3 left',
      instead('KsStreamPointerAdvanceOffsets', (ks, args) =>
        args[3] ? STATUS_DEVICE_NOT_READY : ks.KsStreamPointerAdvanceOffsets(...args),
      ),
    ),
    planted(
      'nothing is ejected',
      'frames complete after the second',
      advancing(([inUsed, outUsed]) => [inUsed, outUsed, false]),
    ),
    planted(
      'ejecting goes into the next frame',
      'Remaining of the third frame',
      advanced((bytes) => bytes.set32(60, 4), 1, true),
    ),
    planted(
      'one entry stays',
      'frames complete after the third',
      instead('KsStreamPointerAdvanceOffsetsAndUnlock', (ks, [pointer, inUsed, outUsed, eject]) =>
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, inUsed, outUsed - 1, eject),
      ),
    ),
  ],
  'ks/advancing-needs-a-lock': [
    registeringFails,
    planted(
      'nobody asks for a lock',
      'advancing what is not locked',
      forUnlocked(() => STATUS_SUCCESS),
    ),
    planted(
      'the frame is left',
      'frames complete after that',
      forUnlocked((ks, pointer) => {
        ks.KsStreamPointerAdvance(pointer)
        return STATUS_DEVICE_NOT_READY
      }),
    ),
    planted('it cannot be locked', 'locking again', answers('KsStreamPointerLock', STATUS_DEVICE_NOT_READY)),
    planted(
      'an entry is counted',
      'Remaining after that',
      forUnlocked((ks, pointer) => {
        ks.KsStreamPointerLock(pointer)
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, 0, 1, false)
        return STATUS_DEVICE_NOT_READY
      }),
    ),
    planted(
      'the end is no failure',
      'advancing past the last frame',
      instead('KsStreamPointerAdvanceOffsets', (ks, args) => {
        const locked = ks.KsStreamPointerGetMdl(args[0]) !== null
        const status = ks.KsStreamPointerAdvanceOffsets(...args)
        return locked ? STATUS_SUCCESS : status
      }),
    ),
    planted(
      'the last frame stays',
      'frames complete after the last',
      advancing((amounts, ks, pointer) => {
        if (ks.KsStreamPointerGetMdl(pointer) !== null) keepsFrame(ks, pointer)
        return amounts
      }),
    ),
    planted('the MDL is known for ever', 'an MDL behind the last frame', mdlForEver),
    planted(
      'an unlocked pointer stays',
      'KsStreamPointerAdvance of what is not locked',
      answers('KsStreamPointerAdvance', STATUS_DEVICE_NOT_READY),
    ),
  ],
  'ks/advance-and-unlock': [
    registeringFails,
    planted(
      'it stays locked',
      'the MDL inside a frame',
      andUnlock(1, (ks, args) => void ks.KsStreamPointerAdvanceOffsets(...args)),
    ),
    planted(
      'nothing is counted',
      'Remaining inside a frame',
      andUnlock(1, (ks, [pointer, inUsed, , eject]) =>
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, inUsed, 0, eject),
      ),
    ),
    planted(
      'the amount is cut',
      'more than remains',
      andUnlock(3, (ks, [pointer, inUsed, , eject]) =>
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, inUsed, 2, eject),
      ),
    ),
    planted(
      'misuse leaves it locked',
      'the MDL after misuse',
      afterRefusal('KsStreamPointerAdvanceOffsetsAndUnlock', (ks, [pointer]) => ks.KsStreamPointerLock(pointer)),
    ),
    planted(
      'misuse counts an entry',
      'Remaining after misuse',
      afterRefusal('KsStreamPointerAdvanceOffsetsAndUnlock', (ks, [pointer]) => {
        ks.KsStreamPointerLock(pointer)
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, 0, 1, false)
      }),
    ),
    planted(
      'it is locked at the next frame',
      'the MDL at the next frame',
      andUnlock(2, (ks, args) => void ks.KsStreamPointerAdvanceOffsets(...args)),
    ),
    planted(
      'the frame stays in the queue',
      'frames complete at the next',
      andUnlock(2, (ks, args) => {
        keepsFrame(ks, args[0])
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(...args)
      }),
    ),
    planted(
      'it goes into the next frame',
      'Remaining of the next frame',
      andUnlock(2, (ks, args) => {
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(...args)
        ks.KsStreamPointerLock(args[0])
        ks.KsStreamPointerAdvanceOffsetsAndUnlock(args[0], 0, 1, false)
      }),
    ),
    planted(
      'nobody asks for a lock',
      'what is not locked',
      swallows('KsStreamPointerAdvanceOffsetsAndUnlock', 'KSM-035', undefined),
    ),
  ],
  'ks/offset-follows-the-direction': [
    planted('that of a source points at OffsetIn', 'where Offset of a source points', offset(2, -16n)),
    planted('that of a sink points at OffsetOut', 'where Offset of a sink points', offset(1, 16n)),
    planted('a source has nothing', 'Offset.Remaining of a source', remaining(2, 0)),
    planted('a sink has nothing', 'Offset.Remaining of a sink', remaining(1, 0)),
    planted('either side will do', 'the other side of a source', eitherSide),
    planted(
      'it cannot be advanced',
      'its own side of a source',
      instead('KsStreamPointerAdvanceOffsets', (ks, args) =>
        args[2] === 10 ? STATUS_DEVICE_NOT_READY : ks.KsStreamPointerAdvanceOffsets(...args),
      ),
    ),
    planted(
      'nothing is counted',
      'Offset.Remaining of a source afterwards',
      advanced((bytes) => bytes.set32(60, 100)),
    ),
  ],
}
