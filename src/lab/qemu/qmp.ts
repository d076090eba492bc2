import type { Duplex } from 'node:stream'
import { ProbarError } from '../../base/errors.ts'
import { LineReader } from '../exchange/lines.ts'

interface Waiting {
  resolve(result: unknown): void
  reject(error: ProbarError): void
}

interface Message {
  readonly id?: unknown
  readonly return?: unknown
  readonly error?: { readonly class?: string; readonly desc?: string }
}

/** QEMU's machine protocol (docs/interop/qmp-spec.txt): one JSON object a line, answers matched by id. */
export class Qmp implements Disposable {
  readonly #stream: Duplex
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #closed = false

  /** @param stream a connection on which QEMU has said nothing yet, or only its greeting */
  constructor(stream: Duplex) {
    this.#stream = stream
    const reader = new LineReader(
      (line) => this.#receive(line),
      () => this.#close('QEMU sent an endless line'),
    )
    stream.on('data', (chunk: Buffer) => reader.push(chunk))
    stream.on('error', (error) => this.#close(`the connection to QEMU failed: ${error.message}`))
    stream.on('close', () => this.#close('QEMU has ended'))
    // until this command QEMU takes no other
    this.execute('qmp_capabilities').catch(() => undefined)
  }

  /**
   * @returns what QEMU answers under `return`
   * @throws ProbarError lab-refused with QEMU's own words, closed when QEMU is gone
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed) return Promise.reject(new ProbarError('closed', 'QEMU has ended'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      const request = args === undefined ? { execute: command, id } : { execute: command, arguments: args, id }
      this.#stream.write(`${JSON.stringify(request)}\n`)
    })
  }

  [Symbol.dispose](): void {
    this.#close('the connection to QEMU was closed')
    this.#stream.destroy()
  }

  /** Greeting and events have no id and are passed over. */
  #receive(line: string): void {
    const message = parse(line)
    if (message === undefined || typeof message.id !== 'number') return
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.error === undefined) waiting?.resolve(message.return)
    else waiting?.reject(new ProbarError('lab-refused', message.error.desc ?? message.error.class ?? 'QEMU refused'))
  }

  #close(reason: string): void {
    this.#closed = true
    for (const waiting of this.#waiting.values()) waiting.reject(new ProbarError('closed', reason))
    this.#waiting.clear()
  }
}

function parse(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
