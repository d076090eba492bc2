import { expect } from '@jest/globals'
import { CapturePin } from '../../../src/miniport/capture/capture-pin.ts'
import { EduEngine } from '../../../src/engine/edu/engine.ts'
import type { DmaEngine } from '../../../src/engine/contract.ts'
import type { StreamIrp } from '../../../src/ddi/ks/stream-irp.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../src/ddi/mm/mdl.ts'
import type { CaptureParts } from '../../../src/miniport/capture/parts.ts'
import { Bench } from '../ddi/bench.ts'

export const POISON = 0xa7

/** What a buffer of whole pages holds after a frame of which so many bytes arrived. */
export function buffer(extent: number, frame: Uint8Array, arrived: number = frame.length): Uint8Array {
  const memory = new Uint8Array(Math.max(1, Math.ceil(extent / 4096)) * 4096).fill(POISON)
  memory.set(frame.subarray(0, arrived))
  return memory
}

/** A frame that a client queued, and its memory. */
export interface Queued {
  readonly irp: StreamIrp
  readonly extent: number
  /** How often the IRP was completed. */
  completions: number
  /** What the memory holds, beyond the extent too. */
  memory(): Uint8Array
}

/** A capture pin over the modelled edu, with its client. */
export class Capture implements AsyncDisposable {
  readonly bench: Bench
  readonly engine: DmaEngine
  readonly pin: CapturePin
  readonly #mdls: Mdl[] = []
  readonly #before: readonly number[]

  private constructor(bench: Bench, engine: DmaEngine, options: Partial<CaptureParts>) {
    this.bench = bench
    this.engine = engine
    this.#before = bench.inUse
    const { ddi, kernel, device } = bench
    this.pin = CapturePin.open({ ddi, kernel, device, engine, maxMappingsByteCount: 1500, ...options })
  }

  /** @param instead what the pin is to have in place of the engine */
  static async open(
    instead: (engine: DmaEngine, bench: Bench) => DmaEngine = (engine) => engine,
    { ref = 'loopback:edu', ...options }: Partial<CaptureParts> & { readonly ref?: string } = {},
  ): Promise<Capture> {
    const bench = await Bench.open(ref)
    const { device, frames } = bench
    device.config.write16(4, 0x6)
    const edu = new EduEngine({ device, frames, addressBits: 28, maxTransfer: 4095, bufferOffset: 0x40000 })
    return new Capture(bench, instead(edu, bench), options)
  }

  queue(extent: number, completed: (irp: StreamIrp) => void = () => undefined): Queued {
    const mdl = this.bench.pages(Math.max(1, Math.ceil(extent / 4096)))
    const { frames } = this.bench
    const pages = [...MmGetMdlPfnArray(mdl)].map((pfn) => (frames.indexOf(Number(pfn)) ?? 0) * 4096)
    for (const page of pages) frames.write(page, new Uint8Array(4096).fill(POISON))
    this.#mdls.push(mdl)
    const queued = {
      extent,
      completions: 0,
      memory: () => Uint8Array.from(Buffer.concat(pages.map((page) => frames.read(page, 4096)))),
    }
    const irp = this.bench.ddi.ks.queueFrames(this.pin.pin, [{ Mdl: mdl, FrameExtent: extent }], (done) => {
      queued.completions++
      completed(done)
    })
    return Object.assign(queued, { irp })
  }

  /** Closes the pin and looks whether anything is left; the rules of what was. @param look before the memory goes */
  async end(look: () => void = () => undefined): Promise<readonly string[]> {
    await this.pin.close()
    look()
    for (const mdl of this.#mdls.splice(0)) this.bench.free(mdl)
    expect(this.bench.inUse).toEqual(this.#before)
    this.engine.close()
    return this.bench.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]()
  }
}
