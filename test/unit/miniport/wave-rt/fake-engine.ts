import { ProbarError } from '../../../../src/base/errors.ts'
import type {
  CyclicAbilities,
  CyclicBuffer,
  CyclicEngine,
  CyclicOptions,
  CyclicStream,
} from '../../../../src/engine/cyclic.ts'

/** A stream that moves when a test says so, and moves no bytes: for what the miniport does around it. */
export class FakeStream implements CyclicStream {
  readonly size: number
  readonly latency = { fifoSize: 32, chipsetDelay: 0, codecDelay: 5 }
  readonly positionRegister = { region: 0, offset: 8, width: 32, accuracy: 16 } as const
  readonly clockRegister = undefined
  /** What was asked of it, in order. */
  readonly calls: string[] = []
  at = 0
  #count = 0
  #waiting: (() => void)[] = []

  readonly buffer: CyclicBuffer

  constructor(buffer: CyclicBuffer) {
    this.buffer = buffer
    this.size = buffer.segments.size
  }

  /** The device interrupts. */
  announce(): void {
    this.#count++
    for (const wake of this.#waiting.splice(0)) wake()
  }

  run(): Promise<void> {
    return this.#note('run')
  }

  pause(): Promise<void> {
    return this.#note('pause')
  }

  stop(): Promise<void> {
    this.at = 0
    return this.#note('stop')
  }

  position(): number {
    return this.at
  }

  notifications(): number {
    return this.#count
  }

  async notified(after: number, { signal }: CyclicOptions = {}): Promise<number> {
    while (this.#count <= after) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve)
        signal?.addEventListener('abort', () => reject(new ProbarError('cancelled', 'cancelled')))
      })
    }
    return this.#count
  }

  played(): Promise<Uint8Array> {
    return Promise.reject(new ProbarError('capability-missing', 'no tap'))
  }

  close(): void {
    this.calls.push('close')
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #note(call: string): Promise<void> {
    this.calls.push(call)
    return Promise.resolve()
  }
}

export class FakeEngine implements CyclicEngine {
  readonly name = 'fake'
  readonly abilities: CyclicAbilities
  readonly streams: FakeStream[] = []
  /** What the next open fails with. */
  failure: Error | undefined

  constructor(abilities: Partial<CyclicAbilities> = {}) {
    this.abilities = {
      directions: ['output', 'input'],
      addressBits: 28,
      alignment: 128,
      smallest: 256,
      listLength: 256,
      notifications: true,
      accuracy: 16,
      records: 'silence',
      tap: false,
      ...abilities,
    }
  }

  open(buffer: CyclicBuffer): Promise<CyclicStream> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const stream = new FakeStream(buffer)
    this.streams.push(stream)
    return Promise.resolve(stream)
  }

  close(): void {}

  [Symbol.dispose](): void {
    this.close()
  }
}
