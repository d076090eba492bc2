import type { Va } from '../../base/address.ts'
import { KSPIN_DATAFLOW, KSPIN_FLAG } from './constants.ts'

/** Of a KSPIN_DESCRIPTOR_EX, what the pin's queue goes by. */
export interface PinDescriptor {
  /** KSPIN_FLAG values, joined. */
  readonly Flags: number
  readonly DataFlow: KSPIN_DATAFLOW
}

/** A KSPIN: one stream through the device. No rule tells its layout, so a driver knows it by its address alone. */
export class KsPin {
  readonly address: Va
  readonly Descriptor: PinDescriptor

  constructor(address: Va, descriptor: PinDescriptor) {
    this.address = address
    this.Descriptor = descriptor
  }
}

const has = ({ Descriptor: { Flags } }: KsPin, flag: number): boolean => (Flags & flag) !== 0

/** Positions count table entries, not bytes (KSM-010, KSM-031). */
export const generatesMappings = (pin: KsPin): boolean => has(pin, KSPIN_FLAG.KSPIN_FLAG_GENERATE_MAPPINGS)

export const hasTrailingEdge = (pin: KsPin): boolean => has(pin, KSPIN_FLAG.KSPIN_FLAG_DISTINCT_TRAILING_EDGE)

/** Without it there is no queue, and no pointer into one (KSM-040). */
export const hasQueue = (pin: KsPin): boolean => !has(pin, KSPIN_FLAG.KSPIN_FLAG_DO_NOT_USE_STANDARD_TRANSPORT)

/** A sink: the device reads what a client wrote. */
export const isSink = ({ Descriptor }: KsPin): boolean => Descriptor.DataFlow === KSPIN_DATAFLOW.KSPIN_DATAFLOW_IN
