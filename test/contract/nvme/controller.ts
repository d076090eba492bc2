import type { BlockingClock } from '../../../src/base/clock.ts'
import type { Answers } from './region.ts'
import { type Piece, ListError, walkPrp, walkSgl } from './walkers.ts'

/** Memory as a device reaches it. */
export interface Bus {
  read(address: bigint, length: number): Uint8Array
  write(address: bigint, bytes: Uint8Array): void
}

/** What the model does wrong, or otherwise. */
export interface Habits {
  /** Registers read as all ones from the start, or after so many commands. */
  readonly goneAfter?: number
  readonly never?: 'ready' | 'disabled'
  /** CSTS.CFS instead of ready, or after so many commands. */
  readonly fatalAfter?: number
  /** Commands that never end, by queue and opcode. */
  readonly silent?: (queue: number, opcode: number) => boolean
  /** Status of a command: type << 8 | code. */
  readonly status?: (queue: number, opcode: number) => number | undefined
  /** Completes with another identifier than the command's. */
  readonly wrongIdentifier?: (queue: number, opcode: number) => boolean
  /** Ends a command with Data Transfer Error when an access to memory was refused. */
  readonly notices?: boolean
  readonly interruptsLost?: boolean
  /** Parts of Identify, as [offset, bytes]. */
  readonly controllerData?: readonly (readonly [number, readonly number[]])[]
  readonly namespaceData?: readonly (readonly [number, readonly number[]])[]
  readonly queues?: number
  /** Milliseconds of a command. */
  readonly delayMs?: number
}

interface Queue {
  readonly at: bigint
  readonly entries: number
  /** Of a submission queue: where the model reads on; of a completion queue: where it writes on. */
  next: number
  /** Of the other side. */
  doorbell: number
  phase: 0 | 1
  readonly vector: number | undefined
}

interface Wiring {
  readonly bus: Bus
  readonly clock: BlockingClock
  readonly interrupt: (vector: number) => void
}

const BLOCK = 512
export const BLOCKS = 4096

/**
 * A small NVM Express controller, written from the specification alone (NVM Express Base Specification 1.4): nothing of
 * the engine is used. Disk of 2 MiB, namespace 1, doorbells 4 bytes apart.
 */
export class NvmeModel implements Answers {
  /** May change at any time. */
  habits: Habits
  readonly disk = new Uint8Array(BLOCKS * BLOCK)
  /** Opcodes with their queues, in order. */
  readonly commands: (readonly [queue: number, opcode: number])[] = []
  /** Blocks that were read or written, and by which queue last. */
  readonly touched = new Map<number, number>()
  readonly submissions = new Map<number, Queue>()
  readonly completions = new Map<number, Queue>()
  readonly #wiring: Wiring
  #refused = false
  #failed = false
  readonly #registers = new Map<number, number>([
    [0x00, 0x0f01_003f],
    // the NVM command set, pages from 4 KiB on
    [0x04, 0x0000_0020],
    [0x08, 0x0001_0400],
  ])

  constructor(wiring: Wiring, habits: Habits = {}) {
    this.#wiring = wiring
    this.habits = habits
  }

  get enabled(): boolean {
    return (this.#register(0x14) & 1) === 1
  }

  load(offset: number): number {
    const { goneAfter = Infinity, fatalAfter = Infinity, never } = this.habits
    if (this.commands.length >= goneAfter) return 0xffff_ffff
    if (offset !== 0x1c) return this.#register(offset)
    if (never === 'disabled') return 1
    if (!this.enabled) return 0
    // it stays until the controller is disabled
    this.#failed ||= this.commands.length >= fatalAfter
    if (this.#failed) return 2
    return never === 'ready' ? 0 : 1
  }

  store(offset: number, value: number): void {
    if (offset >= 0x1000) return this.#ring((offset - 0x1000) / 4, value)
    const was = this.enabled
    this.#registers.set(offset, value)
    if (offset === 0x14 && was !== this.enabled) this.#turn()
  }

  /** As a function reset does. */
  reset(): void {
    this.store(0x14, 0)
  }

  #register = (offset: number): number => this.#registers.get(offset) ?? 0

  #turn(): void {
    this.#failed = false
    this.submissions.clear()
    this.completions.clear()
    if (!this.enabled) return
    const attributes = this.#register(0x24)
    const place = (low: number): bigint => (BigInt(this.#register(low + 4)) << 32n) | BigInt(this.#register(low))
    const queue = (at: bigint, entries: number): Queue => ({ at, entries, next: 0, doorbell: 0, phase: 1, vector: 0 })
    this.submissions.set(0, queue(place(0x28), (attributes & 0xfff) + 1))
    this.completions.set(0, queue(place(0x30), ((attributes >>> 16) & 0xfff) + 1))
  }

  #ring(doorbell: number, value: number): void {
    const id = Math.floor(doorbell / 2)
    const queue = (doorbell % 2 === 0 ? this.submissions : this.completions).get(id)
    if (queue === undefined) throw new Error(`the doorbell of queue ${id}, which there is not, was rung`)
    if (value >= queue.entries) throw new Error(`the doorbell of queue ${id} was rung for entry ${value}`)
    queue.doorbell = value
    if (doorbell % 2 === 1) return
    this.#wiring.clock.setTimer(this.habits.delayMs ?? 0.1, () => this.#work(id, queue))
  }

  #work(id: number, queue: Queue): void {
    while (this.submissions.get(id) === queue && queue.next !== queue.doorbell) {
      const command = this.#wiring.bus.read(queue.at + BigInt(64 * queue.next), 64)
      queue.next = (queue.next + 1) % queue.entries
      this.#serve(id, queue, new DataView(command.buffer, command.byteOffset, 64))
    }
  }

  #serve(id: number, queue: Queue, command: DataView): void {
    const opcode = command.getUint8(0)
    this.commands.push([id, opcode])
    const { silent, status, wrongIdentifier } = this.habits
    if (silent?.(id, opcode) === true) return
    const planned = status?.(id, opcode)
    const { code, result = 0 } = planned === undefined ? this.#run(id, opcode, command) : { code: planned }
    const identifier = command.getUint16(2, true) ^ (wrongIdentifier?.(id, opcode) === true ? 0x100 : 0)
    this.#complete(id, { code, result, identifier, head: queue.next })
  }

  #complete(id: number, end: { code: number; result: number; identifier: number; head: number }): void {
    const queue = this.completions.get(id)
    if (queue === undefined) return
    const entry = new DataView(new ArrayBuffer(16))
    entry.setUint32(0, end.result, true)
    entry.setUint16(8, end.head, true)
    entry.setUint16(10, id, true)
    entry.setUint16(12, end.identifier, true)
    entry.setUint16(14, ((end.code >> 8) << 9) | ((end.code & 0xff) << 1) | queue.phase, true)
    this.#wiring.bus.write(queue.at + BigInt(16 * queue.next), new Uint8Array(entry.buffer))
    queue.next = (queue.next + 1) % queue.entries
    if (queue.next === queue.doorbell) throw new Error(`completion queue ${id} is full`)
    if (queue.next === 0) queue.phase = queue.phase === 1 ? 0 : 1
    if (queue.vector !== undefined && this.habits.interruptsLost !== true) this.#wiring.interrupt(queue.vector)
  }

  /** The bus refused an access. */
  refuse(): void {
    this.#refused = true
  }

  #run(id: number, opcode: number, command: DataView): { code: number; result?: number } {
    try {
      this.#refused = false
      const end = id === 0 ? this.#runAdmin(opcode, command) : this.#runIo(id, opcode, command)
      return this.#refused && this.habits.notices === true ? { code: 0x004 } : end
    } catch (error) {
      if (error instanceof ListError) return { code: 0x0d }
      throw error
    }
  }

  #runAdmin(opcode: number, command: DataView): { code: number; result?: number } {
    const [low, high] = [command.getUint16(40, true), command.getUint16(42, true)]
    const at = command.getBigUint64(24, true)
    const attributes = command.getUint32(44, true)
    const queue = { at, entries: high + 1, next: 0, doorbell: 0, phase: 1 as const }
    switch (opcode) {
      case 0x00:
        return { code: this.submissions.delete(low) ? 0 : 0x101 }
      case 0x04:
        if (this.submissions.has(low)) return { code: 0x10c }
        return { code: this.completions.delete(low) ? 0 : 0x101 }
      case 0x05:
        if (this.completions.has(low) || low === 0) return { code: 0x101 }
        this.completions.set(low, { ...queue, vector: (attributes & 2) === 0 ? undefined : attributes >>> 16 })
        return { code: 0 }
      case 0x01:
        if (this.submissions.has(low) || !this.completions.has(attributes >>> 16)) return { code: 0x101 }
        this.submissions.set(low, { ...queue, vector: undefined })
        return { code: 0 }
      case 0x02:
        this.#toMemory(command, new Uint8Array(4 * (high + 1)).fill(0x33))
        return { code: 0 }
      case 0x06:
        this.#toMemory(command, low === 1 ? this.#controllerData() : this.#namespaceData(command.getUint32(4, true)))
        return { code: 0 }
      case 0x09:
      case 0x0a: {
        const { queues = 64 } = this.habits
        return { code: low === 7 ? 0 : 2, result: ((queues - 1) << 16) | (queues - 1) }
      }
      default:
        return { code: 1 }
    }
  }

  #runIo(id: number, opcode: number, command: DataView): { code: number } {
    const first = Number(command.getBigUint64(40, true))
    const count = command.getUint16(48, true) + 1
    if (command.getUint32(4, true) !== 1) return { code: 0x0b }
    if (first + count > BLOCKS) return { code: 0x80 }
    if (count * BLOCK > 2 ** 7 * 4096) return { code: 0x02 }
    for (let block = first; block < first + count; block++) this.touched.set(block, id)
    const blocks = this.disk.subarray(first * BLOCK, (first + count) * BLOCK)
    if (opcode === 0x02) this.#toMemory(command, blocks)
    else if (opcode === 0x01) this.#fromMemory(command, blocks)
    else return { code: 1 }
    return { code: 0 }
  }

  #toMemory(command: DataView, bytes: Uint8Array): void {
    let done = 0
    for (const { address, length } of this.#pieces(command, bytes.length)) {
      this.#wiring.bus.write(address, bytes.subarray(done, done + length))
      done += length
    }
  }

  #fromMemory(command: DataView, into: Uint8Array): void {
    let done = 0
    for (const { address, length } of this.#pieces(command, into.length)) {
      into.set(this.#wiring.bus.read(address, length), done)
      done += length
    }
  }

  #pieces(command: DataView, length: number): readonly Piece[] {
    const pointer = new Uint8Array(command.buffer, command.byteOffset + 24, 16)
    const fetch = (address: bigint, bytes: number): Uint8Array => this.#wiring.bus.read(address, bytes)
    return command.getUint8(1) >> 6 === 0 ? walkPrp(pointer, length, fetch) : walkSgl(pointer, length, fetch)
  }

  #controllerData(): Uint8Array {
    const data = new Uint8Array(4096)
    data[77] = 7
    data[536] = 1
    data.set(Buffer.from('model'.padEnd(20)), 4)
    for (const [at, bytes] of this.habits.controllerData ?? []) data.set(bytes, at)
    return data
  }

  #namespaceData(number: number): Uint8Array {
    const data = new Uint8Array(4096)
    if (number !== 1) return data
    data.set([0x00, BLOCKS >> 8], 0)
    data[130] = 9
    for (const [at, bytes] of this.habits.namespaceData ?? []) data.set(bytes, at)
    return data
  }
}
