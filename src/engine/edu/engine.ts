import type { BusAddress } from '../../base/address.ts'
import { busAddress } from '../../base/address.ts'
import { sleep } from '../../base/clock.ts'
import { runAll } from '../../base/disposal.ts'
import { codeOf, ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import type { Device, Region } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import type { Segments } from '../../device/segments.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { Aborting } from '../aborting.ts'
import type { DmaEngine, EngineAbilities, EngineOptions } from '../contract.ts'
import { Lock } from '../lock.ts'
import { DmaCommand, Register, dmaDone } from './registers.ts'
import { Staging } from './staging.ts'

export interface EduParts {
  readonly device: Device
  readonly frames: FrameStore
  /** Bits of the addresses that the device emits: higher ones it would clamp without a word. */
  readonly addressBits: number
  /** Bytes of one transfer, below the size of the device's buffer. */
  readonly maxTransfer: number
  /** Where the device's buffer lies in its own address space. */
  readonly bufferOffset: number
}

const DEFAULT_TIMEOUT_MS = 5000
const POLL_MS = 5
/** Raised on demand; any bit but that of the DMA. */
const ON_DEMAND = 0x1

/**
 * The DMA engine of edu: one buffer inside the device, one transfer at a time between it and memory. Data gets into
 * the buffer only by DMA, from a page of the engine's own.
 */
export class EduEngine implements DmaEngine {
  readonly name = 'edu'
  readonly abilities: EngineAbilities
  readonly #device: Device
  readonly #registers: Region
  readonly #staging: Staging
  readonly #bufferOffset: number
  readonly #aborting = new Aborting()
  /** There is one buffer in the device, and one page for what goes in and out. */
  readonly #lock = new Lock()
  #armed = false
  /** A transfer by interrupt was begun whose interrupt nobody took. */
  #abandoned = false
  #closed = false

  constructor(parts: EduParts) {
    const registers = parts.device.regions.find((region) => region.index === 0)
    if (registers === undefined)
      throw new ProbarError('region-absent', 'edu has its registers in BAR 0, which is absent')
    this.#device = parts.device
    this.#registers = registers
    this.#bufferOffset = parts.bufferOffset
    this.#staging = new Staging(parts.device.dma, parts.frames)
    const interrupts = parts.device.interrupts.vectors.msi > 0
    this.abilities = {
      maxTransfer: parts.maxTransfer,
      addressBits: parts.addressBits,
      completion: interrupts ? ['poll', 'interrupt'] : ['poll'],
      interrupts,
      listLength: 1,
      alignment: 1,
      channels: 1,
      abort: 'drains',
      carries: true,
    }
  }

  async write(target: Segments, data: Uint8Array, options: EngineOptions = {}): Promise<void> {
    this.#only(options.channel ?? 0)
    return await this.#inTurn(options, (endable) => this.#write(target, data, endable))
  }

  async read(source: Segments, options: EngineOptions = {}): Promise<Uint8Array> {
    this.#only(options.channel ?? 0)
    return await this.#inTurn(options, (endable) => this.#read(source, endable))
  }

  /** edu cannot give up a transfer: this waits for the end of the one under way. */
  async abort(channel = 0, { timeoutMs = DEFAULT_TIMEOUT_MS }: Pick<EngineOptions, 'timeoutMs'> = {}): Promise<void> {
    this.#only(channel)
    this.#aborting.abort()
    await this.#lock.run(() => this.#idle({ timeoutMs }))
  }

  idle(channel = 0): boolean {
    this.#only(channel)
    return !this.#running()
  }

  async #write(target: Segments, data: Uint8Array, options: EngineOptions): Promise<void> {
    this.#check(target, data.length)
    for (let done = 0; done < data.length; done += this.abilities.maxTransfer) {
      const chunk = data.subarray(done, done + this.abilities.maxTransfer)
      this.#staging.put(chunk)
      await this.#toDevice(this.#staging.bus, 0, chunk.length, options)
      let at = 0
      for (const part of target.slice(done, chunk.length)) {
        await this.#toMemory(at, part.bus, part.length, options)
        at += part.length
      }
    }
  }

  async #read(source: Segments, options: EngineOptions): Promise<Uint8Array> {
    const size = source.size
    this.#check(source, size)
    const received = new Uint8Array(size)
    for (let done = 0; done < size; done += this.abilities.maxTransfer) {
      const length = Math.min(this.abilities.maxTransfer, size - done)
      let at = 0
      for (const part of source.slice(done, length)) {
        await this.#toDevice(part.bus, at, part.length, options)
        at += part.length
      }
      this.#staging.poison()
      await this.#toMemory(0, this.#staging.bus, length, options)
      received.set(this.#staging.take(length), done)
    }
    return received
  }

  async interrupt(options: EngineOptions = {}): Promise<number> {
    this.#only(options.channel ?? 0)
    return await this.#inTurn(options, (endable) => this.#interrupt(endable))
  }

  close(): void {
    if (this.#closed) return
    const atRest = this.#atRest()
    this.#closed = true
    runAll([
      () => {
        if (this.#armed) this.#device.interrupts.disable()
      },
      () => this.#staging.close(atRest),
    ])
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Once what was begun before has ended. */
  #inTurn<T>(options: EngineOptions, work: (options: EngineOptions) => Promise<T>): Promise<T> {
    return this.#aborting.run(options, (endable) => this.#lock.run(() => work(endable)))
  }

  async #interrupt(options: EngineOptions): Promise<number> {
    this.#begin(options)
    this.#arm()
    const before = this.#device.interrupts.count(0)
    this.#registers.write32(Register.interruptRaise, ON_DEMAND)
    const count = await this.#waitInterrupt(before, options)
    this.#acknowledge(ON_DEMAND)
    return count
  }

  #toDevice(from: BusAddress, bufferAt: number, length: number, options: EngineOptions): Promise<void> {
    const to = busAddress(this.#bufferOffset + bufferAt)
    return this.#transfer({ from, to, length, command: 0 }, options)
  }

  #toMemory(bufferAt: number, to: BusAddress, length: number, options: EngineOptions): Promise<void> {
    const from = busAddress(this.#bufferOffset + bufferAt)
    return this.#transfer({ from, to, length, command: DmaCommand.toMemory }, options)
  }

  async #transfer(transfer: Transfer, options: EngineOptions): Promise<void> {
    // The buffer's end is no place to begin at, not even for nothing: the device would leave the bus.
    if (transfer.length === 0) return
    this.#open()
    await this.#idle(options)
    // Aborted while the device was found idle: nothing is begun after the abort has resolved.
    this.#begin(options)
    const byInterrupt = options.completion === 'interrupt'
    if (byInterrupt) this.#arm()
    const before = byInterrupt ? this.#device.interrupts.count(0) : 0
    const command = DmaCommand.run | transfer.command | (byInterrupt ? DmaCommand.interrupt : 0)
    const begin = registerProgram()
      .write(64, Register.dmaSource, transfer.from)
      .write(64, Register.dmaDestination, transfer.to)
      .write(64, Register.dmaCount, transfer.length)
      .write(64, Register.dmaCommand, command)
    this.#registers.run(begin.build())
    if (!byInterrupt) return this.#idle(options)
    await this.#announced(before, options)
  }

  /** The interrupt at the end. That of a transfer which nobody waited for to its end may come first. */
  async #announced(before: number, options: EngineOptions): Promise<void> {
    const abandoned = this.#abandoned
    this.#abandoned = true
    let count = await this.#waitInterrupt(before, options)
    if (abandoned && this.#running()) count = await this.#waitInterrupt(count, options)
    this.#abandoned = false
    this.#acknowledge(dmaDone)
    if (this.#running()) {
      throw new ProbarError('interrupt-unavailable', 'edu announced the end of a transfer that still runs')
    }
  }

  /** @throws ProbarError cancelled, closed: nothing is begun then */
  #begin({ signal }: EngineOptions): void {
    this.#open()
    if (signal?.aborted === true) throw new ProbarError('cancelled', 'it was cancelled before it began')
  }

  /** A device that left the bus, or was closed, accesses nothing. */
  #atRest(): boolean {
    try {
      return !this.#running()
    } catch (error) {
      if (codeOf(error) === 'device-gone' || codeOf(error) === 'closed') return true
      throw error
    }
  }

  #running(): boolean {
    const command = this.#registers.read32(Register.dmaCommand)
    if (command === 0xffff_ffff) throw new ProbarError('device-gone', 'edu answers with all ones: it left the bus')
    return (command & DmaCommand.run) !== 0
  }

  /** Until the device is not transferring: it has one transfer at a time, and a cancelled one still runs. */
  async #idle({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: EngineOptions): Promise<void> {
    const { clock } = this.#device
    const deadline = clock.now() + timeoutMs
    for (;;) {
      this.#open()
      if (!this.#running()) return
      if (clock.now() >= deadline) {
        throw new ProbarError('timeout', `edu did not finish a transfer within ${timeoutMs} ms; reset the device`)
      }
      await sleep(clock, POLL_MS, signal)
    }
  }

  async #waitInterrupt(after: number, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: EngineOptions): Promise<number> {
    const options = signal === undefined ? { timeoutMs } : { timeoutMs, signal }
    return this.#device.interrupts.wait(0, after, options)
  }

  /** @throws ProbarError interrupt-unavailable when the value is not in the status: something else interrupted */
  #acknowledge(value: number): void {
    const status = this.#registers.read32(Register.interruptStatus)
    this.#registers.write32(Register.interruptAcknowledge, status)
    if ((status & value) === 0) {
      const seen = `the interrupt status is ${hex(status)}, without ${hex(value)}`
      throw new ProbarError('interrupt-unavailable', `edu interrupted for another reason: ${seen}`)
    }
  }

  #arm(): void {
    if (!this.abilities.interrupts) throw new ProbarError('interrupt-unavailable', 'this edu has no MSI')
    if (this.#armed) return
    this.#device.interrupts.enable('msi', 1)
    this.#armed = true
  }

  #only(channel: number): void {
    this.#open()
    if (channel !== 0) throw new ProbarError('range-outside', `edu has channel 0 only, not ${channel}`)
  }

  #open(): void {
    if (this.#closed) throw new ProbarError('closed', 'the engine is closed')
  }

  #check(list: Segments, length: number): void {
    this.#open()
    if (list.size !== length) {
      throw new ProbarError('range-outside', `the list holds ${list.size} bytes, the data ${length}`)
    }
    const limit = 1n << BigInt(this.abilities.addressBits)
    for (const { bus, length: bytes } of list) {
      if (bus + BigInt(bytes) > limit) {
        const reach = `edu reaches ${this.abilities.addressBits} address bits`
        throw new ProbarError('range-outside', `${reach}, not ${hex(bus)}: it would clamp the address silently`)
      }
    }
  }
}

interface Transfer {
  readonly from: BusAddress
  readonly to: BusAddress
  readonly length: number
  readonly command: number
}
