import { Disposal } from '../base/disposal.ts'
import type { Random } from '../base/random.ts'
import type { Ddi } from '../ddi/compose.ts'
import type { Kernel } from '../ddi/kernel/kernel.ts'
import type { Misuse } from '../ddi/kernel/ledger.ts'
import type { Device, ResetMeans } from '../device/contract.ts'
import type { DmaEngine } from '../engine/contract.ts'
import type { CyclicEngine } from '../engine/cyclic.ts'
import { openCyclicEngine, openEngine } from '../engine/open.ts'
import type { FrameStore } from '../memory/frame-store.ts'
import type { Profile } from '../profile/schema.ts'
import { LettingGo } from './letting-go.ts'
import type { Plant } from './plant.ts'
import { turnOn } from './turn-on.ts'
import { Trace, watched } from './trace.ts'
import { traceDevice } from './traced-device.ts'
import { Windows } from './windows.ts'

export interface SessionParts {
  readonly device: Device
  readonly frames: FrameStore
  readonly poolPages?: number
  readonly profile: Profile
  readonly random: Random
  /** What `random` was made from. */
  readonly seed: bigint
  readonly plant: Plant
  /** Why the native addon is not in use; absent when it is. */
  readonly addonProblem?: string
  /** What the device was taken by; given back after it was closed. */
  readonly taken?: AsyncDisposable | undefined
}

/** What a fresh start gives back of what was there before. */
export interface Leftovers {
  readonly misuse: readonly Misuse[]
  /** Frames and DMA entries that nobody gave back. */
  readonly frames: number
  readonly entries: number
}

/**
 * A device with frames, an engine, and a Windows around it. Opening resets the device and turns it on; closing puts all of
 * it back. When the platform asks for the device, it is let go within two seconds, whether the session is closed or not.
 */
export class Session implements AsyncDisposable {
  readonly profile: Profile
  readonly frames: FrameStore
  readonly random: Random
  readonly seed: bigint
  /** Why the native addon is not in use; absent when it is. */
  readonly addonProblem: string | undefined
  readonly #ground: Ground
  readonly #undo: Disposal
  readonly #lettingGo: LettingGo
  #life: Life
  /** The life has ended, and no other could begin so far. */
  #ended = false
  #closed = false

  private constructor(ground: Ground, life: Life, undo: Disposal) {
    this.profile = ground.profile
    this.frames = ground.frames
    this.random = ground.random
    this.seed = ground.seed
    this.addonProblem = ground.addonProblem
    this.#ground = ground
    this.#life = life
    this.#undo = undo
    this.#lettingGo = new LettingGo(ground.device)
  }

  /** Turns the device on. @throws whatever the device does; then it is put back */
  static async start(parts: SessionParts): Promise<Session> {
    const undo = new Disposal()
    if (parts.taken !== undefined) undo.use(parts.taken)
    undo.use(parts.frames)
    undo.use(parts.device)
    try {
      const { plant } = parts
      turnOn(parts.device, resetsOf(parts) !== undefined, undo)
      const device = plant.device?.(parts.device) ?? parts.device
      const frames = plant.frames?.(parts.frames) ?? parts.frames
      const ground = { ...parts, device, frames, triggered: new Set<number>() }
      return new Session(ground, await begin(ground), undo)
    } catch (error) {
      return undo.undoAfter(error)
    }
  }

  /** The device, every operation of which is written into `trace`. */
  get device(): Device {
    return this.#life.device
  }

  /** Aborted when the platform wants the device back, or the device failed: close the session then, as it will soon itself. */
  get gone(): AbortSignal {
    return this.#ground.device.notices.gone
  }

  /** How the device is reset when the session opens and closes; undefined where it has no reset, or its profile says so. */
  get resets(): ResetMeans | undefined {
    return resetsOf(this.#ground)
  }

  get trace(): Trace {
    return this.#life.trace
  }

  get kernel(): Kernel {
    return this.#life.windows.kernel
  }

  get ddi(): Ddi {
    return this.#life.ddi
  }

  /** Where the profile names one. */
  get engine(): DmaEngine | undefined {
    return this.#life.engine
  }

  /** For buffers that the device walks through by itself, where the profile names one. */
  get cyclic(): CyclicEngine | undefined {
    return this.#life.cyclic
  }

  /**
   * A new Windows, engine and trace over the same device; returns what the old ones' user left behind. Whoever still
   * holds the old ones writes into the old trace only.
   * @throws what the old ones' end failed with; the new ones are there all the same. What the new ones' start failed
   *   with; then there are none, until `restore` succeeds
   */
  async renew(): Promise<Leftovers> {
    try {
      return await this.#end()
    } finally {
      this.#ended = true
      await this.restore()
    }
  }

  /** Begins afresh where `renew` could not. @throws what it fails with again */
  async restore(): Promise<void> {
    if (!this.#ended) return
    this.#life = await begin(this.#ground)
    this.#ended = false
  }

  async close(): Promise<void> {
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#undo.defer(async () => void (await this.#end()))
    await this.#lettingGo.end(this.#undo)
  }

  async #end(): Promise<Leftovers> {
    const { device, windows, engine, cyclic } = this.#life
    let misuse: readonly Misuse[] = []
    if (this.#ended) return { misuse, frames: this.frames.allocated, entries: device.dma.entries }
    const undo = new Disposal()
    undo.defer(() => device.interrupts.disable())
    undo.defer(async () => void (misuse = await windows.close()))
    if (engine !== undefined) undo.use(engine)
    if (cyclic !== undefined) undo.use(cyclic)
    await undo[Symbol.asyncDispose]()
    return { misuse, frames: this.frames.allocated, entries: device.dma.entries }
  }
}

const resetsOf = ({ device, profile }: Pick<SessionParts, 'device' | 'profile'>): ResetMeans | undefined =>
  profile.reset.supported ? device.resets : undefined

/** What stays the same as long as the session does. */
interface Ground extends SessionParts {
  /** Vectors that software raised. */
  readonly triggered: Set<unknown>
}

/** What a fresh start replaces. */
interface Life {
  readonly trace: Trace
  readonly device: Device
  readonly windows: Windows
  readonly ddi: Ddi
  readonly engine: DmaEngine | undefined
  readonly cyclic: CyclicEngine | undefined
}

/** @throws what Windows or the engine cannot be made for; nothing is left then */
async function begin(ground: Ground): Promise<Life> {
  const { frames, poolPages, plant, triggered } = ground
  const trace = new Trace()
  const device = traceDevice(ground.device, trace, triggered)
  const windows = await Windows.open({ device, frames, ...(poolPages !== undefined && { poolPages }) })
  const undo = new Disposal()
  undo.defer(async () => void (await windows.close()))
  try {
    const ddi = watchDdi(plant.ddi?.(windows.ddi, windows.kernel) ?? windows.ddi, trace)
    const { engine, cyclic } = newEngines(ground, device, trace, undo)
    return { trace, device, windows, ddi, engine, cyclic }
  } catch (error) {
    return undo.undoAfter(error)
  }
}

function newEngines(
  { profile, frames, plant }: Ground,
  device: Device,
  trace: Trace,
  undo: Disposal,
): Pick<Life, 'engine' | 'cyclic'> {
  const engine = openEngine(profile, device, frames)
  if (engine !== undefined) undo.use(engine)
  const cyclic = openCyclicEngine(profile, device, frames)
  const planted = {
    engine: engine && (plant.engine?.(engine) ?? engine),
    cyclic: cyclic && (plant.cyclic?.(cyclic) ?? cyclic),
  }
  return {
    engine: planted.engine && watch('engine', planted.engine, trace),
    cyclic: planted.cyclic && watch('cyclic', planted.cyclic, trace),
  }
}

function watchDdi({ mm, io, dma, ks, portcls, waveRT, dxgk, registers }: Ddi, trace: Trace): Ddi {
  return {
    mm: watch('mm', mm, trace),
    io: watch('io', io, trace),
    dma: watch('dma', dma, trace),
    ks: watch('ks', ks, trace),
    portcls: watch('portcls', portcls, trace),
    waveRT: watch('waveRT', waveRT, trace),
    dxgk: watch('dxgk', dxgk, trace),
    registers: watch('registers', registers, trace),
  }
}

/** Calls of DDIs and engines are Probar's own doing: what stands behind them is told by the device below. */
function watch<T extends object>(name: string, target: T, trace: Trace): T {
  return watched(target, { name, trace, judge: () => 'model' })
}
