import { ProbarError } from '../../../base/errors.ts'
import type { Region } from '../../../device/contract.ts'
import { COMMAND_SIZE, type Command, type QueuePlace } from '../protocol/commands.ts'
import { COMPLETION_SIZE, type Completion, decodeCompletion } from '../protocol/completion.ts'
import type { OwnPage } from '../own-pages.ts'
import { doorbellsOf } from '../protocol/registers.ts'

export interface QueuePairParts {
  readonly registers: Pick<Region, 'write32'>
  /** 0 is the pair of the admin queues. */
  readonly id: number
  /** A page each. */
  readonly submission: OwnPage
  readonly completion: OwnPage
}

/** Few, so that every run goes round them often. */
export const MOST_ENTRIES = 16

/**
 * A submission queue and the completion queue of the same number (NVM Express Base Specification 1.4, section 4.1). What is
 * completed is learnt from the entries that the controller writes, by their phase tag.
 */
export class QueuePair {
  readonly id: number
  readonly #parts: QueuePairParts
  #entries = MOST_ENTRIES
  #doorbells = doorbellsOf(0, 4)
  #tail = 0
  #head = 0
  #phase: 0 | 1 = 1
  #nextCommand = 0
  readonly #outstanding = new Set<number>()
  readonly #completed = new Map<number, Completion>()

  constructor(parts: QueuePairParts) {
    this.id = parts.id
    this.#parts = parts
  }

  /** Where each of them is, for the commands that create them. */
  get places(): { readonly submission: QueuePlace; readonly completion: QueuePlace } {
    const { submission, completion } = this.#parts
    const place = ({ bus }: OwnPage): QueuePlace => ({ id: this.id, entries: this.#entries, at: bus })
    return { submission: place(submission), completion: place(completion) }
  }

  /** Commands that the controller has not completed. */
  get outstanding(): number {
    return this.#outstanding.size
  }

  /** Both queues are empty again; the controller must have none of this number. */
  renew(mostEntries: number, doorbellStride: number): void {
    this.#parts.submission.fill(0)
    this.#parts.completion.fill(0)
    this.#entries = Math.min(MOST_ENTRIES, mostEntries)
    this.#doorbells = doorbellsOf(this.id, doorbellStride)
    ;[this.#tail, this.#head, this.#phase] = [0, 0, 1]
    this.#outstanding.clear()
    this.#completed.clear()
  }

  /** Gives the command an identifier, by which `take` finds its completion, and tells the controller of it. */
  submit(command: Command): number {
    if (this.#outstanding.size >= this.#entries - 1) {
      throw new ProbarError('internal', `submission queue ${this.id} is full`)
    }
    const id = this.#nextCommand
    this.#nextCommand = (id + 1) % 0xffff
    // Of a command long ago that nobody waited for to its end.
    this.#completed.delete(id)
    const entry = command.slice()
    new DataView(entry.buffer).setUint16(2, id, true)
    this.#parts.submission.write(this.#tail * COMMAND_SIZE, entry)
    this.#tail = (this.#tail + 1) % this.#entries
    this.#outstanding.add(id)
    this.#parts.registers.write32(this.#doorbells.tail, this.#tail)
    return id
  }

  /** The completion of a command, once; undefined before. @throws ProbarError device-error */
  take(command: number): Completion | undefined {
    this.reap()
    const completion = this.#completed.get(command)
    this.#completed.delete(command)
    return completion
  }

  /** Takes what was completed out of the queue. @throws ProbarError device-error for a completion of no command */
  reap(): void {
    const before = this.#head
    for (let next = this.#arrived(); next !== undefined; next = this.#arrived()) this.#accept(next)
    if (this.#head !== before) this.#parts.registers.write32(this.#doorbells.head, this.#head)
  }

  /** Read again once the phase tells that it is there: the first read may have begun before it was whole. */
  #arrived(): Completion | undefined {
    return this.#entry().phase === this.#phase ? this.#entry() : undefined
  }

  #entry(): Completion {
    return decodeCompletion(this.#parts.completion.read(this.#head * COMPLETION_SIZE, COMPLETION_SIZE))
  }

  #accept(completion: Completion): void {
    this.#head = (this.#head + 1) % this.#entries
    if (this.#head === 0) this.#phase = this.#phase === 1 ? 0 : 1
    const { command, submissionQueue } = completion
    if (submissionQueue !== this.id || !this.#outstanding.delete(command)) {
      const text = `command ${command} of submission queue ${submissionQueue}`
      throw new ProbarError(
        'device-error',
        `the controller completed ${text} in queue ${this.id}, where nobody gave it`,
      )
    }
    this.#completed.set(command, completion)
  }
}
