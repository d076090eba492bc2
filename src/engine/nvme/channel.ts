import type { Clock } from '../../base/clock.ts'
import { undoAfter } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Segments } from '../../device/segments.ts'
import { Aborting } from '../aborting.ts'
import type { EngineOptions } from '../contract.ts'
import {
  type Command,
  type DataPointer,
  createCompletionQueue,
  createSubmissionQueue,
  deleteCompletionQueue,
  deleteSubmissionQueue,
} from './protocol/commands.ts'
import { type Completion, couldNotReach } from './protocol/completion.ts'
import type { Controller } from './controller.ts'
import type { Deadline } from './queues/deadline.ts'
import { Lock } from '../lock.ts'
import type { OwnPage } from './own-pages.ts'
import { buildPrp, fitsPrp } from './protocol/prp.ts'
import { QueuePair, type QueuePairParts } from './queues/queue-pair.ts'
import { buildSgl } from './protocol/sgl.ts'
import type { Vectors } from './queues/vectors.ts'
import { type Announcement, completed, judge } from './queues/waiting.ts'

export interface ChannelParts extends QueuePairParts {
  readonly controller: Controller
  readonly clock: Clock
  readonly vectors: Vectors
  /** For PRP lists and SGLs. */
  readonly lists: readonly OwnPage[]
}

/** A pair of I/O queues, with one command under way at a time. */
export class Channel {
  readonly aborting = new Aborting()
  readonly #parts: ChannelParts
  readonly #queue: QueuePair
  readonly #lock = new Lock()
  /** Of the controller's start for which the queues were created; 0 when there are none. */
  #created = 0
  #interrupting = false

  constructor(parts: ChannelParts) {
    this.#parts = parts
    this.#queue = new QueuePair(parts)
  }

  /** One after the other. */
  run<T>(options: EngineOptions, work: (options: EngineOptions) => Promise<T>): Promise<T> {
    return this.aborting.run(options, (endable) => this.#lock.run(() => work(endable)))
  }

  /** What the controller completed is all that it was given. */
  get idle(): boolean {
    if (!this.#exists) return true
    this.#queue.reap()
    return this.#queue.outstanding === 0
  }

  /** Makes the queues, if there are none, if they do not interrupt but should, or if a command is left in them. */
  async prepare(completion: EngineOptions['completion']): Promise<void> {
    const capabilities = await this.#parts.controller.ensure()
    const byInterrupt = completion === 'interrupt'
    if (byInterrupt) this.#parts.vectors.arm()
    if (this.#exists && this.idle && (this.#interrupting || !byInterrupt)) return
    await this.#remove()
    const { controller, vectors } = this.#parts
    this.#queue.renew(capabilities.queueEntries, capabilities.doorbellStride)
    const { completion: completions, submission } = this.#queue.places
    this.#interrupting = vectors.armed
    await controller.admin(createCompletionQueue(completions, vectors.armed ? this.#vector : undefined))
    try {
      await controller.admin(createSubmissionQueue(submission))
    } catch (error) {
      // A completion queue by itself would be in the way of the next attempt.
      await controller.admin(deleteCompletionQueue(this.#queue.id)).catch(() => controller.stop())
      throw error
    }
    this.#created = controller.generation
  }

  /** Between `prepare` and the next one; only the last command's end may be left open, by an error. */
  async execute(command: Command, deadline: Deadline, completion: EngineOptions['completion']): Promise<void> {
    judge(await this.#complete(command, deadline, completion))
  }

  /**
   * As `execute`, for a command that moves a case's data. That the controller could not reach memory is no error here: most
   * devices would not even notice that they were refused, and what memory holds is the case's to look at.
   */
  async reach(command: Command, deadline: Deadline, completion: EngineOptions['completion']): Promise<void> {
    const result = await this.#complete(command, deadline, completion)
    if (!couldNotReach(result)) judge(result)
  }

  async #complete(command: Command, deadline: Deadline, completion: EngineOptions['completion']): Promise<Completion> {
    const { controller, clock } = this.#parts
    deadline.left()
    const by = completion === 'interrupt' ? this.#announcement() : undefined
    controller.check()
    const id = this.#queue.submit(command)
    return completed({ queue: this.#queue, id, deadline, clock, by, check: () => controller.check() })
  }

  /** Ends all that runs: rejects it, and deletes the queues, after which the controller accesses nothing for them. */
  abort(timeoutMs?: number): Promise<void> {
    this.aborting.abort()
    return this.#lock.run(async () => {
      if (this.#exists && !this.idle) await this.#remove(timeoutMs)
    })
  }

  /** Interrupts of the channel's vector. */
  get interrupts(): number {
    return this.#parts.vectors.count(this.#vector)
  }

  /**
   * The data pointer for a list, whose pages are written here.
   * @param sgl the controller takes SGLs
   */
  pointer(list: Segments, sgl: boolean): DataPointer {
    const { lists } = this.#parts
    const buses = lists.map(({ bus }) => bus)
    if (!sgl && !fitsPrp(list)) {
      const text =
        'the list has gaps within pages, and the controller takes no SGLs: addresses and lengths must be whole pages'
      throw new ProbarError('range-outside', text)
    }
    const built = fitsPrp(list) ? buildPrp(list, buses) : buildSgl(list, buses)
    for (const [index, bytes] of built.pages.entries()) lists[index]?.write(0, bytes)
    return built.pointer
  }

  get #exists(): boolean {
    return this.#created !== 0 && this.#created === this.#parts.controller.generation
  }

  get #vector(): number {
    return this.#parts.vectors.of(this.#queue.id)
  }

  #announcement(): Announcement {
    const { interrupts } = this.#parts.vectors
    return { interrupts, vector: this.#vector, before: interrupts.count(this.#vector) }
  }

  /** The controller is stopped as a whole when it does not let go of them. */
  async #remove(timeoutMs?: number): Promise<void> {
    if (!this.#exists) return
    const { controller } = this.#parts
    this.#created = 0
    try {
      await controller.admin(deleteSubmissionQueue(this.#queue.id), timeoutMs)
      await controller.admin(deleteCompletionQueue(this.#queue.id), timeoutMs)
    } catch (error) {
      undoAfter(error, [() => controller.stop()])
    }
  }
}
