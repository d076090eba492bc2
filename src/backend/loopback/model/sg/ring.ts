import { DESCRIPTOR_SIZE, type Descriptor, parseDescriptor, STATUS_OFFSET, statusBytes } from './descriptor.ts'
import type { CountingPort } from './port.ts'
import { Cause, ErrorCode, MAX_RING, Status } from './registers.ts'

/** Reads a descriptor of a channel's ring; what can be planted takes its place. */
export type FetchDescriptor = (
  port: Pick<CountingPort, 'read'>,
  place: { readonly base: bigint; readonly index: number; readonly size: number; readonly channel: number },
) => { readonly bytes: Uint8Array; readonly refused: bigint | undefined }

export const fetchDescriptor: FetchDescriptor = (port, { base, index }) =>
  port.read(base + BigInt(index * DESCRIPTOR_SIZE), DESCRIPTOR_SIZE)

export interface RingWiring {
  readonly channel: number
  readonly port: CountingPort
  readonly dmaMask: bigint
  readonly fetch: FetchDescriptor
  /** Sends the channel's message. */
  readonly interrupt: (cause: number) => void
  /** The channel has given up, until it is reset. */
  readonly halted: () => void
}

/** What both modes of a channel share: the ring of descriptors, errors and causes of interrupts. */
export class Ring {
  base = 0n
  size = 0
  head = 0
  tail = 0
  interruptEnable = 0
  interruptStatus = 0
  errorCode: ErrorCode = ErrorCode.none
  errorAddress = 0n
  /** Bits of the status register beside `busy` and `error`. */
  state = 0
  readonly port: CountingPort
  readonly #wiring: RingWiring

  constructor(wiring: RingWiring) {
    this.#wiring = wiring
    this.port = wiring.port
  }

  get isHalted(): boolean {
    return (this.state & Status.halted) !== 0
  }

  /** The descriptor at `head`, or undefined: then the channel is halted. */
  fetch(): Descriptor | undefined {
    const { base, size, head } = this
    const ready = size >= 1 && size <= MAX_RING && base % BigInt(DESCRIPTOR_SIZE) === 0n && head < size
    if (!ready || this.#unreachable(base, size * DESCRIPTOR_SIZE)) return this.halt(ErrorCode.badSetup, base)
    const place = { base, index: head, size, channel: this.#wiring.channel }
    const { bytes, refused } = this.#wiring.fetch(this.port, place)
    return refused === undefined ? parseDescriptor(bytes) : this.halt(ErrorCode.fetchRefused, refused)
  }

  /** What is wrong with an address that a descriptor names. */
  addressError({ bus, length, known }: Descriptor): ErrorCode {
    if (!known || length === 0) return ErrorCode.badDescriptor
    return this.#unreachable(bus, length) ? ErrorCode.badBusAddress : ErrorCode.none
  }

  /** Writes back how the descriptor at `head` ended. */
  writeBack(status: number, moved: number): void {
    const at = this.base + BigInt(this.head * DESCRIPTOR_SIZE + STATUS_OFFSET)
    const refused = this.port.write(at, statusBytes(status, moved))
    if (refused !== undefined) this.halt(ErrorCode.statusRefused, refused)
  }

  step(): void {
    // The ring may have been made smaller meanwhile.
    this.head = this.head + 1 < this.size ? this.head + 1 : 0
  }

  /** Keeps the first error until it is cleared. */
  fail(code: ErrorCode, address: bigint): void {
    if (this.errorCode !== ErrorCode.none) return
    this.errorCode = code
    this.errorAddress = address
    this.event(Cause.error)
  }

  halt(code: ErrorCode, address: bigint): undefined {
    this.state |= Status.halted
    this.fail(code, address)
    this.#wiring.halted()
  }

  clearError(): void {
    this.errorCode = ErrorCode.none
    this.errorAddress = 0n
  }

  event(cause: number): void {
    this.interruptStatus |= cause
    if ((this.interruptEnable & cause) !== 0) this.#wiring.interrupt(cause)
  }

  /** What the reset bit clears; where the ring lies, and what interrupts, stays. */
  rewind(): void {
    this.head = this.tail = this.state = this.interruptStatus = 0
    this.clearError()
  }

  clear(): void {
    this.rewind()
    this.base = 0n
    this.size = this.interruptEnable = 0
  }

  #unreachable(bus: bigint, length: number): boolean {
    return bus + BigInt(length) - 1n > this.#wiring.dmaMask
  }
}
