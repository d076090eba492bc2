import { Segments } from '../../device/segments.ts'

export interface Piece {
  /** Bytes of the whole list before it. */
  readonly offset: number
  readonly list: Segments
}

export interface PieceLimits {
  /** Bytes. */
  readonly maxTransfer: number
  /** Segments. */
  readonly listLength: number
}

/** A list in order, cut into what one command takes. Segments without a byte are left out. */
export function piecesOf(list: Segments, { maxTransfer, listLength }: PieceLimits): readonly Piece[] {
  const size = list.size
  const pieces: Piece[] = []
  for (let offset = 0; offset < size;) {
    const most = withoutEmpty(list.slice(offset, Math.min(maxTransfer, size - offset)))
    const part = new Segments(most.bus.slice(0, listLength), most.lengths.slice(0, listLength))
    pieces.push({ offset, list: part })
    offset += part.size
  }
  return pieces
}

function withoutEmpty(list: Segments): Segments {
  return list.lengths.includes(0) ? Segments.of([...list].filter(({ length }) => length > 0)) : list
}
