import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/clock.ts'
import { undoAfter } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Region } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import { type Command, identify, onePage } from './protocol/commands.ts'
import type { Completion } from './protocol/completion.ts'
import { Deadline } from './queues/deadline.ts'
import { type ControllerData, type NamespaceData, decodeController, decodeNamespace } from './protocol/identify.ts'
import { Lock } from '../lock.ts'
import type { OwnPage } from './own-pages.ts'
import { QueuePair } from './queues/queue-pair.ts'
import {
  type Capabilities,
  Configuration,
  Register,
  Status,
  checkCapabilities,
  checkStatus,
  decodeCapabilities,
} from './protocol/registers.ts'
import { type Announcement, completed, judge } from './queues/waiting.ts'

export interface ControllerParts {
  readonly registers: Region
  readonly clock: Clock
  /** For the admin queues, and for what admin commands answer. */
  readonly submission: OwnPage
  readonly completion: OwnPage
  readonly answer: OwnPage
  /** Interrupts other than MSI-X are masked in the controller while this says no. */
  readonly interrupting: () => boolean
  /** Called with what the controller says of itself, before it is used: throws when it cannot be. */
  readonly check: (controller: Controller, data: ControllerData) => Promise<void>
}

interface Waiting {
  readonly timeoutMs?: number | undefined
  readonly by?: () => Announcement
}

const POLL_MS = 1
/** Milliseconds of an admin command: none of those that are used here takes long. */
const ADMIN_TIMEOUT_MS = 5000
/** A register program may take 10 s in all. */
const MOST_PROGRAM_MS = 9900
/** What the page of an answer holds before it arrives: an answer that never came is not taken for one. */
const POISON = 0xee

/** The controller itself: bring-up, admin commands and the end (NVM Express Base Specification 1.4, sections 7.6 and 3.1). */
export class Controller {
  readonly #parts: ControllerParts
  readonly #admin: QueuePair
  readonly #starting = new Lock()
  readonly #lock = new Lock()
  #capabilities: Capabilities | undefined
  #running = false
  #generation = 0
  #closed = false

  constructor(parts: ControllerParts) {
    this.#parts = parts
    this.#admin = new QueuePair({ ...parts, id: 0 })
  }

  /** Differs after every start: I/O queues of an earlier one are gone. */
  get generation(): number {
    return this.#generation
  }

  /** Nothing is under way in the admin queue. */
  get idle(): boolean {
    if (!this.#running) return true
    this.#admin.reap()
    return this.#admin.outstanding === 0
  }

  /** Brings the controller up, if it is not, or is no longer because somebody reset it. */
  ensure(): Promise<Capabilities> {
    return this.#starting.run(async () => {
      this.#open()
      const capabilities = this.#capabilities
      if (capabilities !== undefined && this.#isUsable()) return capabilities
      try {
        return await this.#start()
      } catch (error) {
        return undoAfter(error, [() => this.stop()])
      }
    })
  }

  /** One admin command after the other. @throws ProbarError device-error with the status of one that failed */
  admin(command: Command, timeoutMs?: number): Promise<Completion> {
    return this.#lock.run(() => this.#execute(command, { timeoutMs }))
  }

  /** An admin command whose end is announced by an interrupt. @param by called when it is its turn */
  announced(command: Command, timeoutMs: number | undefined, by: () => Announcement): Promise<Completion> {
    return this.#lock.run(() => this.#execute(command, { timeoutMs, by }))
  }

  /** A command whose answer is the whole of the engine's page, or the front of it. */
  ask(command: (page: OwnPage) => Command): Promise<Uint8Array> {
    const { answer } = this.#parts
    return this.#lock.run(async () => {
      answer.fill(POISON)
      await this.#execute(command(answer))
      return answer.read(0, PAGE_SIZE)
    })
  }

  async namespace(number: number): Promise<NamespaceData> {
    return decodeNamespace(await this.ask(({ bus }) => identify({ namespace: number }, onePage(bus))))
  }

  /** @throws ProbarError closed, device-gone, device-error for a controller that nothing is to be expected of */
  check(): void {
    this.#open()
    if (this.#running && this.#isReady()) return
    throw new ProbarError('device-error', 'the controller was reset while a command was under way')
  }

  /** Stops the controller when it is at rest; the next use starts it again. */
  rest(): Promise<void> {
    return this.#lock.run(async () => this.stop())
  }

  /**
   * Disables the controller: when it returns, it accesses memory no more, and all queues are gone. Harmless when it
   * was never started, or has left the bus.
   * @throws ProbarError timeout
   */
  stop(): void {
    if (!this.#running) return
    const { registers } = this.#parts
    this.#running = false
    if (registers.read32(Register.status) === 0xffff_ffff) return
    const timeoutMs = Math.min(this.#capabilities?.timeoutMs ?? 0, MOST_PROGRAM_MS)
    const ready = { mask: Status.ready, value: 0, timeoutMs }
    registers.run(registerProgram().write(32, Register.configuration, 0).poll(32, Register.status, ready).build())
  }

  close(): void {
    this.#closed = true
    this.stop()
  }

  async #start(): Promise<Capabilities> {
    const { registers, interrupting, check } = this.#parts
    this.#running = false
    const capabilities = this.#readCapabilities()
    registers.write32(Register.configuration, 0)
    await this.#until(0, capabilities.timeoutMs)
    // Without MSI-X the first completion would raise the pin, which nobody listens to.
    if (!interrupting()) registers.write32(Register.interruptMaskSet, 0xffff_ffff)
    this.#placeAdminQueues(capabilities)
    this.#running = true
    this.#generation++
    registers.write32(Register.configuration, Configuration.whole | Configuration.enable)
    await this.#until(Status.ready, capabilities.timeoutMs)
    const answer = await this.ask(({ bus }) => identify('controller', onePage(bus)))
    await check(this, decodeController(answer, capabilities.pageSizes[0]))
    return capabilities
  }

  #readCapabilities(): Capabilities {
    const value = this.#parts.registers.read64(Register.capabilities, 'low-first')
    checkStatus(Number(value & 0xffff_ffffn) === 0xffff_ffff ? 0xffff_ffff : 0)
    const capabilities = decodeCapabilities(value)
    checkCapabilities(capabilities)
    this.#capabilities = capabilities
    return capabilities
  }

  #placeAdminQueues({ queueEntries, doorbellStride }: Capabilities): void {
    const { registers } = this.#parts
    this.#admin.renew(queueEntries, doorbellStride)
    const { submission, completion } = this.#admin.places
    registers.write32(Register.adminQueueAttributes, ((completion.entries - 1) << 16) | (submission.entries - 1))
    registers.write64(Register.adminSubmissionQueue, submission.at, 'low-first')
    registers.write64(Register.adminCompletionQueue, completion.at, 'low-first')
  }

  async #until(ready: number, timeoutMs: number): Promise<void> {
    const { clock, registers } = this.#parts
    const end = clock.now() + timeoutMs
    for (;;) {
      this.#open()
      const status = registers.read32(Register.status)
      // A fatal error may still show until the controller is disabled.
      checkStatus(ready === 0 && status !== 0xffff_ffff ? status & ~Status.fatal : status)
      if ((status & Status.ready) === ready) return
      if (clock.now() >= end) {
        const what = ready === 0 ? 'be disabled' : 'become ready'
        throw new ProbarError(
          'timeout',
          `the controller did not ${what} within ${timeoutMs} ms (CAP.TO); reset the device`,
        )
      }
      await sleep(clock, POLL_MS)
    }
  }

  /** What was not completed in time leaves a queue that nobody can tell anything of: all of it begins anew then. */
  async #execute(command: Command, { timeoutMs = ADMIN_TIMEOUT_MS, by }: Waiting = {}): Promise<Completion> {
    const { clock } = this.#parts
    this.check()
    const deadline = new Deadline(clock, { timeoutMs })
    const announced = by?.()
    const id = this.#admin.submit(command)
    try {
      return judge(
        await completed({ queue: this.#admin, id, deadline, clock, by: announced, check: () => this.check() }),
      )
    } catch (error) {
      if (this.#admin.outstanding === 0) throw error
      return undoAfter(error, [() => this.stop()])
    }
  }

  /** A fatal error was told to whoever met it; it ends when the controller is disabled. */
  #isUsable(): boolean {
    if (!this.#running) return false
    const status = this.#parts.registers.read32(Register.status)
    checkStatus(status === 0xffff_ffff ? status : 0)
    return (status & (Status.ready | Status.fatal)) === Status.ready
  }

  #isReady(): boolean {
    const status = this.#parts.registers.read32(Register.status)
    checkStatus(status)
    return (status & Status.ready) !== 0
  }

  #open(): void {
    if (this.#closed) throw new ProbarError('closed', 'the engine is closed')
  }
}
