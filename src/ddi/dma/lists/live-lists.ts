import type { Va } from '../../../base/address.ts'
import type { Bytes } from '../../layout/struct.ts'
import type { MappedRange } from '../transfer/mapped-range.ts'

/** A list that was not put back. */
export interface LiveList {
  readonly bytes: Bytes
  readonly elements: number
  readonly mapped: MappedRange
  readonly writeToDevice: boolean
  /** The system allocated its bytes, and frees them. */
  readonly ofPool: boolean
}

/** The lists of an adapter by their addresses. */
export type Lists = Map<Va, LiveList>
