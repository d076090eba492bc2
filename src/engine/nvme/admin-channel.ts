import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Segments } from '../../device/segments.ts'
import { Aborting } from '../aborting.ts'
import type { EngineOptions } from '../contract.ts'
import type { Controller } from './controller.ts'
import { type Command, type DataPointer, askQueues, getFirmwareLog, identify, onePage } from './protocol/commands.ts'
import { buildPrp, fitsPrp } from './protocol/prp.ts'
import { Deadline } from './queues/deadline.ts'
import { Lock } from '../lock.ts'
import type { Vectors } from './queues/vectors.ts'
import type { Announcement } from './queues/waiting.ts'

export interface AdminChannelParts {
  readonly controller: Controller
  readonly clock: Clock
  readonly vectors: Vectors
}

/** Bytes of the log of firmware slots. */
const LOG_SIZE = 512

/** What the admin queue alone can do for a case. It cannot be deleted, so what is under way there is waited for. */
export class AdminChannel {
  readonly #parts: AdminChannelParts
  readonly #aborting = new Aborting()
  readonly #lock = new Lock()

  constructor(parts: AdminChannelParts) {
    this.#parts = parts
  }

  /** The controller writes what `command` asks for, once into the engine's own page and once to the target. */
  deposit(target: Segments, command: (data: DataPointer) => Command, options: EngineOptions): Promise<Uint8Array> {
    return this.#run(options, async (deadline) => {
      const { controller } = this.#parts
      const data = await controller.ask(({ bus }) => command(onePage(bus)))
      // one page, or parts of two: never a list
      await controller.admin(command(buildPrp(target, []).pointer), deadline.left())
      return data.slice(0, target.size)
    })
  }

  /** By a command without effect. Resolves with the count of vector 0. */
  async interrupt(options: EngineOptions): Promise<number> {
    const { controller, vectors } = this.#parts
    const { interrupts } = vectors
    if (!vectors.armed) {
      vectors.arm()
      // QEMU interrupts only by vectors that a queue was given after MSI-X was enabled (measured with 7.2).
      await this.#lock.run(() => controller.rest())
    }
    return this.#run(options, async (deadline) => {
      const by = (): Announcement => ({ interrupts, vector: 0, before: interrupts.count(0) })
      await controller.announced(askQueues(), deadline.left(), by)
      return interrupts.count(0)
    })
  }

  /** When it resolves, nothing is under way, and nothing that was asked for before begins later. */
  async abort(): Promise<void> {
    this.#aborting.abort()
    await this.#lock.run(async () => undefined)
  }

  #run<T>(options: EngineOptions, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    return this.#aborting.run(options, (endable) =>
      this.#lock.run(async () => {
        const deadline = new Deadline(this.#parts.clock, endable)
        deadline.left()
        await this.#parts.controller.ensure()
        deadline.left()
        const result = await work(deadline)
        if (endable.signal?.aborted === true) throw new ProbarError('cancelled', 'it was aborted meanwhile')
        return result
      }),
    )
  }
}

/** The command for a target of its size. @throws ProbarError range-outside where there is none, or no PRP entries for it */
export function depositOf(target: Segments): (data: DataPointer) => Command {
  const { size } = target
  const short = size > 0 && size <= LOG_SIZE && size % 4 === 0
  if (!fitsPrp(target) || !(short || size === PAGE_SIZE)) {
    const sizes = `${PAGE_SIZE} bytes, or a multiple of 4 up to ${LOG_SIZE}`
    const text = `a deposit goes to ${sizes}, from a multiple of 4 on and without a gap within a page`
    throw new ProbarError('range-outside', text)
  }
  return (data) => (short ? getFirmwareLog(size, data) : identify('controller', data))
}
