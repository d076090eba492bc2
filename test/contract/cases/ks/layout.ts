import { KSSTREAM_POINTER } from '../../../../src/ddi/layout/x64-ks.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes } from '../plants/broken-ddi.ts'
import { answers, dataUsed, edge, flagged, instead, spoilt, stuck } from '../plants/broken-streams.ts'
import { type Defects, planted } from '../plants/defect.ts'

const { fields } = KSSTREAM_POINTER

const advanced = (spoil: (bytes: Bytes) => void): Plant => spoilt('KsStreamPointerAdvanceOffsets', spoil)
const leading = (spoil: (bytes: Bytes, address: bigint) => void): Plant =>
  edge('Leading', 1, (bytes, pointer) => spoil(bytes, pointer.address))
/** The bytes of the header under the leading edge. */
const header = (spoil: (bytes: Bytes) => void): Plant =>
  edge('Leading', 1, (_, pointer, kernel) => {
    if (pointer.StreamHeader !== null) spoil(new Bytes(kernel, pointer.StreamHeader.address))
  })

/** Defects for the cases of structures and constants. */
export const layoutDefects: Defects = {
  'ks/stream-pointer-in-bytes': [
    planted('it cannot be advanced', 'advancing by 20 bytes', stuck(20)),
    planted(
      'it has no header',
      'the stream header',
      advanced((bytes) => bytes.set64(fields.StreamHeader.offset, 0n)),
    ),
    planted(
      'Pin is NULL',
      'Pin at byte 8',
      leading((bytes) => bytes.set64(8, 0n)),
    ),
    planted(
      'the header lies in the place of the direction',
      'at byte',
      advanced((bytes) => bytes.exchange(8, 24, 8)),
    ),
    planted(
      'Offset points at OffsetIn',
      'Offset at byte 24',
      leading((bytes, address) => bytes.set64(24, address + 32n)),
    ),
    planted(
      'Data stays at the start',
      'OffsetOut.Data at byte 48',
      advanced((bytes) => bytes.set64(48, bytes.u64(48) - 20n)),
    ),
    planted(
      'Count and Remaining are exchanged',
      'OffsetOut.Count at byte 56',
      advanced((bytes) => bytes.exchange(56, 60, 4)),
    ),
    planted(
      'Remaining stays',
      'OffsetOut.Remaining at byte 60',
      advanced((bytes) => bytes.set32(60, bytes.u32(56))),
    ),
  ],
  'ks/stream-pointer-of-a-sink-in-bytes': [
    planted(
      'Offset points at OffsetOut',
      'Offset at byte 24',
      leading((bytes, address) => bytes.set64(24, address + 48n)),
    ),
    planted(
      'the position is in OffsetOut',
      'OffsetIn.Data at byte 32',
      leading((bytes) => bytes.exchange(32, 48, 16)),
    ),
    planted(
      'Count is missing',
      'OffsetIn.Count at byte 40',
      leading((bytes) => bytes.set32(40, 0)),
    ),
    planted(
      'Remaining is missing',
      'OffsetIn.Remaining at byte 44',
      leading((bytes) => bytes.set32(44, 0)),
    ),
  ],
  'ks/stream-header-in-bytes': [
    planted(
      'Size is that of 32-bit systems',
      'Size at byte 0',
      header((bytes) => bytes.set32(0, 48)),
    ),
    planted(
      'FrameExtent and DataUsed are exchanged',
      'FrameExtent at byte 32',
      header((bytes) => bytes.exchange(32, 36, 4)),
    ),
    planted(
      'DataUsed is full at first',
      'DataUsed at byte 36',
      header((bytes) => bytes.set32(36, bytes.u32(32))),
    ),
    planted(
      'Data is NULL',
      'Data at byte 40',
      header((bytes) => bytes.set64(40, 0n)),
    ),
    planted('the driver’s DataUsed is lost', 'DataUsed as the client gets it', dataUsed(0)),
  ],
  'ks/flags-and-states-by-value': [
    planted(
      'every pin makes mappings',
      'bytes without a flag',
      flagged((flags) => flags | 0x100),
    ),
    planted(
      'every pin has a trailing edge',
      'a trailing edge without a flag',
      flagged((flags) => flags | 0x200),
    ),
    planted(
      'no pin has a trailing edge',
      'the trailing edge with 0x200',
      flagged((flags) => flags & ~0x200),
    ),
    planted(
      'state 0 locks',
      'the MDL of a pointer in state 0',
      instead('KsPinGetTrailingEdgeStreamPointer', (ks, [pin]) => ks.KsPinGetTrailingEdgeStreamPointer(pin, 1)),
    ),
    planted(
      'state 1 gives none',
      'the trailing edge in state 1',
      instead('KsPinGetTrailingEdgeStreamPointer', (ks, [pin, state]) =>
        state === 1 ? null : ks.KsPinGetTrailingEdgeStreamPointer(pin, state),
      ),
    ),
    planted(
      'state 1 does not lock',
      'the MDL of a pointer in state 1',
      instead('KsPinGetTrailingEdgeStreamPointer', (ks, [pin]) => ks.KsPinGetTrailingEdgeStreamPointer(pin, 0)),
    ),
    planted('registering fails', 'RegisterAdapterObjectEx', answers('RegisterAdapterObjectEx', 0xc000_009a)),
    planted(
      'no pin makes mappings',
      'entries with 0x100',
      flagged((flags) => flags & ~0x100),
    ),
  ],
}
