import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/clock.ts'
import { codeOf, ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import type { Region } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import { allOnes } from '../../device/register-access.ts'
import { channelPage, ChannelRegister, Control, ErrorCode, errorNames, Status } from './registers.ts'

type Name = keyof typeof ChannelRegister

const POLL_MS = 1
/** Milliseconds in which the last request of a channel has been answered. */
const REST_MS = 100
/** Of 8 bytes, whose low half is written first: nothing happens before the control register is written. */
const HALVES = 'low-first'

/** One channel's page of registers. */
export class ChannelRegisters {
  readonly #registers: Region
  readonly #page: number

  constructor(registers: Region, channel: number) {
    this.#registers = registers
    this.#page = channelPage(channel)
  }

  /** None of these registers ever has all bits set. @throws ProbarError device-gone */
  read(name: Name): number {
    const value = this.#registers.read32(this.#page + ChannelRegister[name])
    if (BigInt(value) !== allOnes(4)) return value
    throw new ProbarError('device-gone', 'sg answers with all ones: it left the bus')
  }

  write(name: Name, value: number): void {
    this.#registers.write32(this.#page + ChannelRegister[name], value)
  }

  read64(name: Name): bigint {
    return this.#registers.read64(this.#page + ChannelRegister[name], HALVES)
  }

  write64(name: Name, value: bigint): void {
    this.#registers.write64(this.#page + ChannelRegister[name], value, HALVES)
  }

  /** @throws ProbarError device-gone */
  get busy(): boolean {
    return (this.read('status') & Status.busy) !== 0
  }

  /** Ends whatever the channel does, without a word, and rewinds it. */
  reset(): void {
    this.write('control', Control.reset)
  }

  /** As `reset`, and waits: afterwards the device accesses nothing for this channel. @throws ProbarError timeout, device-gone */
  halt(): void {
    const [control, status] = [this.#page + ChannelRegister.control, this.#page + ChannelRegister.status]
    this.#registers.run(
      registerProgram()
        .write(32, control, Control.reset)
        .poll(32, status, { mask: Status.busy, value: 0, timeoutMs: REST_MS })
        .build(),
    )
  }

  /** Until the device accesses nothing for this channel any more. @throws ProbarError timeout, device-gone */
  async rest(clock: Clock, timeoutMs: number): Promise<void> {
    const deadline = clock.now() + timeoutMs
    while (this.busy) {
      if (clock.now() >= deadline) {
        throw new ProbarError('timeout', `sg did not come to rest within ${timeoutMs} ms; reset the device`)
      }
      await sleep(clock, POLL_MS)
    }
  }

  /**
   * Takes the error that the channel noted. That an access to data was refused is none here: other devices do not even
   * notice, and memory tells.
   * @throws ProbarError device-error for any other
   */
  takeError(): void {
    const code = this.read('errorCode')
    if (code === ErrorCode.none) return
    const address = this.read64('errorAddress')
    this.write('errorCode', 0)
    if (code === ErrorCode.dataRefused) return
    const reason = errorNames[code] ?? `it gives the unknown error ${code}`
    throw new ProbarError('device-error', `sg failed at ${hex(address)}: ${reason}`)
  }
}

/** A device that left the bus, or was closed, accesses nothing, which is all that closing is about. */
export function unlessGone(close: () => void): void {
  try {
    close()
  } catch (error) {
    if (codeOf(error) !== 'device-gone' && codeOf(error) !== 'closed') throw error
  }
}
