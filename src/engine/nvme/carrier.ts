import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { Segments } from '../../device/segments.ts'
import type { EngineOptions } from '../contract.ts'
import type { Channel } from './channel.ts'
import { readBlocks, writeBlocks } from './protocol/commands.ts'
import { Deadline } from './queues/deadline.ts'
import { type OwnPage, segmentsOf } from './own-pages.ts'
import { piecesOf } from './pieces.ts'
import type { ScratchPart } from './scratch.ts'

export interface CarrierParts {
  readonly channel: Channel
  readonly clock: Clock
  /** Bytes of one command. */
  readonly maxTransfer: number
  /** Segments of one command. */
  readonly listLength: number
  /** Where the rest of a last block goes to, and comes from. */
  readonly padding: OwnPage
  readonly staging: readonly OwnPage[]
}

/** What a started controller gives the carrier. */
export interface Ground {
  readonly part: ScratchPart
  /** Lists that PRP entries cannot describe are for SGLs. */
  readonly sgl: boolean
}

/** What the pages hold before the controller's data arrive, so that data which never came are not taken for them. */
const POISON = 0xee

/**
 * Carries data through the channel's scratch blocks. Blocks are whole: what a list lacks to the last one's end goes to,
 * or comes from, a page of the engine's own.
 */
export class Carrier {
  readonly channel: Channel
  readonly #parts: CarrierParts
  #ground: Ground | undefined

  constructor(parts: CarrierParts) {
    this.channel = parts.channel
    this.#parts = parts
  }

  use(ground: Ground): void {
    this.#ground = ground
  }

  /** The data into the blocks, and the blocks into the target. */
  async write(target: Segments, data: Uint8Array, options: EngineOptions): Promise<void> {
    for (const { offset, list } of piecesOf(target, this.#parts)) {
      const deadline = await this.#begin(options)
      const size = list.size
      await this.#stage(data.subarray(offset, offset + size), deadline, options)
      const ground = this.#started
      const whole = this.#toWholeBlocks(list)
      const command = readBlocks(ground.part.range(0, size), this.channel.pointer(whole, ground.sgl))
      await this.channel.reach(command, deadline, options.completion)
    }
  }

  /** The source into the blocks, and the blocks into pages of the engine's own. */
  async read(source: Segments, options: EngineOptions): Promise<Uint8Array> {
    const received = new Uint8Array(source.size)
    for (const { offset, list } of piecesOf(source, this.#parts)) {
      const deadline = await this.#begin(options)
      // Else the blocks of an earlier transfer could pass for what the controller received.
      await this.#stage(new Uint8Array(list.size).fill(POISON), deadline, options)
      const ground = this.#started
      const whole = this.#toWholeBlocks(list)
      this.#parts.padding.fill(POISON)
      const command = writeBlocks(ground.part.range(0, list.size), this.channel.pointer(whole, ground.sgl))
      await this.channel.reach(command, deadline, options.completion)
      await this.#fetch(received.subarray(offset, offset + list.size), deadline, options)
    }
    return received
  }

  /** By reading one block into a page of the engine's own. Resolves with the count of the channel's vector. */
  async interrupt(options: EngineOptions): Promise<number> {
    const deadline = await this.#begin({ ...options, completion: 'interrupt' })
    const { part } = this.#started
    const list = segmentsOf([this.#parts.padding], part.blockSize)
    const command = readBlocks(part.range(0, part.blockSize), this.channel.pointer(list, false))
    await this.channel.execute(command, deadline, 'interrupt')
    return this.channel.interrupts
  }

  get #started(): Ground {
    if (this.#ground === undefined) throw new ProbarError('internal', 'the controller was not brought up')
    return this.#ground
  }

  /** The time for bringing the controller up, if need be, is the transfer's too. */
  async #begin(options: EngineOptions): Promise<Deadline> {
    const deadline = new Deadline(this.#parts.clock, options)
    deadline.left()
    await this.channel.prepare(options.completion)
    deadline.left()
    return deadline
  }

  async #stage(data: Uint8Array, deadline: Deadline, options: EngineOptions): Promise<void> {
    const { staging } = this.#parts
    const step = staging.length * PAGE_SIZE
    for (let done = 0; done < data.length; done += step) {
      const part = data.subarray(done, done + step)
      for (const [index, page] of staging.entries()) {
        const bytes = part.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE)
        if (bytes.length < PAGE_SIZE) page.fill(0)
        page.write(0, bytes)
      }
      const { range, list } = this.#staged(done, part.length)
      await this.channel.execute(writeBlocks(range, this.channel.pointer(list, false)), deadline, options.completion)
    }
  }

  async #fetch(into: Uint8Array, deadline: Deadline, options: EngineOptions): Promise<void> {
    const { staging } = this.#parts
    const step = staging.length * PAGE_SIZE
    for (let done = 0; done < into.length; done += step) {
      const part = into.subarray(done, done + step)
      for (const page of staging) page.fill(POISON)
      const { range, list } = this.#staged(done, part.length)
      await this.channel.execute(readBlocks(range, this.channel.pointer(list, false)), deadline, options.completion)
      for (let at = 0; at < part.length; at += PAGE_SIZE) {
        const bytes = staging[at / PAGE_SIZE]?.read(0, Math.min(PAGE_SIZE, part.length - at))
        part.set(bytes ?? [], at)
      }
    }
  }

  /** The staging pages, as far as the blocks for so many bytes reach. */
  #staged(offset: number, length: number) {
    const { part } = this.#started
    const range = part.range(offset, length)
    return { range, list: segmentsOf(this.#parts.staging, range.count * part.blockSize) }
  }

  #toWholeBlocks(list: Segments): Segments {
    const { blockSize } = this.#started.part
    const lacking = (blockSize - (list.size % blockSize)) % blockSize
    return lacking === 0 ? list : Segments.of([...list, { bus: this.#parts.padding.bus, length: lacking }])
  }
}
