import { Disposal } from '../base/disposal.ts'
import type { Random } from '../base/random.ts'
import type { Ddi } from '../ddi/compose.ts'
import type { Kernel } from '../ddi/kernel.ts'
import type { Misuse } from '../ddi/ledger.ts'
import type { Device } from '../device/contract.ts'
import type { DmaEngine } from '../engine/contract.ts'
import { openEngine } from '../engine/open.ts'
import type { FrameStore } from '../memory/frame-store.ts'
import { Command, ConfigOffset } from '../pci/config.ts'
import type { Profile } from '../profile/schema.ts'
import type { Plant } from './plant.ts'
import { Trace, watched } from './trace.ts'
import { traceDevice } from './traced-device.ts'
import { Windows } from './windows.ts'

export interface SessionParts {
  readonly device: Device
  readonly frames: FrameStore
  readonly profile: Profile
  readonly random: Random
  readonly plant: Plant
}

/** What a fresh start gives back of what was there before. */
export interface Leftovers {
  readonly misuse: readonly Misuse[]
  /** Frames and DMA entries that nobody gave back. */
  readonly frames: number
  readonly entries: number
}

/** A device with frames, an engine, and a Windows around it. Closing puts all of it back. */
export class Session implements AsyncDisposable {
  readonly device: Device
  readonly profile: Profile
  readonly frames: FrameStore
  readonly random: Random
  readonly trace: Trace
  readonly #plant: Plant
  readonly #undo: Disposal
  #windows: Windows
  #ddi: Ddi
  #engine: DmaEngine | undefined

  private constructor(parts: SessionParts, device: Device, trace: Trace, undo: Disposal) {
    this.device = device
    this.frames = parts.plant.frames?.(parts.frames) ?? parts.frames
    this.profile = parts.profile
    this.random = parts.random
    this.trace = trace
    this.#plant = parts.plant
    this.#undo = undo
    this.#windows = this.#newWindows()
    this.#ddi = this.#watchDdi()
    this.#engine = this.#newEngine()
  }

  /** Turns the device on. @throws whatever the device does; then it is put back */
  static async start(parts: SessionParts): Promise<Session> {
    const trace = new Trace()
    const undo = new Disposal()
    undo.use(parts.frames)
    undo.use(parts.device)
    const planted = parts.plant.device?.(parts.device) ?? parts.device
    const device = traceDevice(planted, trace)
    try {
      turnOn(parts.device, undo)
      return new Session(parts, device, trace, undo)
    } catch (error) {
      await undo[Symbol.asyncDispose]()
      throw error
    }
  }

  get kernel(): Kernel {
    return this.#windows.kernel
  }

  get ddi(): Ddi {
    return this.#ddi
  }

  /** Where the profile names one. */
  get engine(): DmaEngine | undefined {
    return this.#engine
  }

  /** A new Windows and engine over the same device; returns what the old ones' user left behind. */
  async renew(): Promise<Leftovers> {
    const left = await this.#closeWindows()
    this.#windows = this.#newWindows()
    this.#ddi = this.#watchDdi()
    this.#engine = this.#newEngine()
    return left
  }

  async close(): Promise<void> {
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#undo.defer(async () => void (await this.#closeWindows()))
    await this.#undo[Symbol.asyncDispose]()
  }

  #closed = false

  async #closeWindows(): Promise<Leftovers> {
    this.#engine?.close()
    const misuse = await this.#windows.close()
    this.device.interrupts.disable()
    return { misuse, frames: this.frames.allocated, entries: this.device.dma.entries }
  }

  #newWindows(): Windows {
    return new Windows({ device: this.device, frames: this.frames })
  }

  #newEngine(): DmaEngine | undefined {
    const { dma } = this.profile
    if (dma === undefined) return undefined
    const { engine, addressBits, maxTransfer, buffer } = dma
    const description = { engine, addressBits, maxTransfer, bufferOffset: buffer?.offset ?? 0 }
    return this.#watch('engine', openEngine(description, this.device, this.frames))
  }

  #watchDdi(): Ddi {
    const ddi = this.#plant.ddi?.(this.#windows.ddi) ?? this.#windows.ddi
    const { mm, dma, ks, portcls, dxgk, registers } = ddi
    return {
      mm: this.#watch('mm', mm),
      dma: this.#watch('dma', dma),
      ks: this.#watch('ks', ks),
      portcls: this.#watch('portcls', portcls),
      dxgk: this.#watch('dxgk', dxgk),
      registers: this.#watch('registers', registers),
    }
  }

  /** Calls of DDIs and engines are Probar's own doing: what stands behind them is told by the device below. */
  #watch<T extends object>(name: string, target: T): T {
    return watched(target, { name, trace: this.trace, judge: () => 'model' })
  }
}

/** Memory decoding and bus mastering on for the session, the command register as it was after it. */
function turnOn(device: Device, undo: Disposal): void {
  const before = device.config.read16(ConfigOffset.command)
  undo.defer(() => device.config.write16(ConfigOffset.command, before & ~Command.busMaster))
  device.config.write16(ConfigOffset.command, before | Command.memorySpace | Command.busMaster)
}
