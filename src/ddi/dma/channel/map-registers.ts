import type { Mdl } from '../../mm/mdl.ts'
import type { MappedRange } from '../transfer/mapped-range.ts'
import type { TransferContext } from './transfer-contexts.ts'

/** What MapTransfer mapped and nobody flushed. */
export interface Transfer {
  readonly mdl: Mdl
  /** Bytes from the start of the MDL's buffer. */
  readonly offset: number
  readonly length: number
  readonly writeToDevice: boolean
  readonly mapped: MappedRange
}

/** What a driver is handed as MapRegisterBase; opaque to it. */
export class MapRegisters {
  readonly count: number
  readonly context: TransferContext | undefined
  /** In the order in which they were mapped. */
  readonly transfers: Transfer[] = []

  constructor(count: number, context?: TransferContext) {
    this.count = count
    this.context = context
  }

  /** Registers in use, one a page. */
  get used(): number {
    return this.transfers.reduce((sum, { mapped }) => sum + mapped.pages, 0)
  }
}
