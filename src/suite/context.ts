import { ProbarError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { Ddi } from '../ddi/compose.ts'
import type { Kernel } from '../ddi/kernel/kernel.ts'
import type { Device, Region } from '../device/contract.ts'
import type { DmaEngine } from '../engine/contract.ts'
import type { CyclicEngine } from '../engine/cyclic.ts'
import type { FrameStore } from '../memory/frame-store.ts'
import type { Profile } from '../profile/schema.ts'
import type { Session } from '../session/session.ts'
import { Checks } from './checks.ts'
import { type KnownRegister, findRegister } from './registers.ts'

/** All that a case sees: the DDIs, the engine, the device, and what to assert with. */
export class Context {
  readonly check = new Checks()
  readonly ddi: Ddi
  readonly kernel: Kernel
  readonly device: Device
  readonly frames: FrameStore
  readonly profile: Profile
  readonly random: Random
  /** Aborted when the case is to end. */
  readonly signal: AbortSignal
  readonly #engine: DmaEngine | undefined
  readonly #cyclic: CyclicEngine | undefined

  constructor(session: Session, signal: AbortSignal) {
    this.ddi = session.ddi
    this.kernel = session.kernel
    this.device = session.device
    this.frames = session.frames
    this.profile = session.profile
    this.random = session.random
    this.signal = signal
    this.#engine = session.engine
    this.#cyclic = session.cyclic
  }

  /** Only for cases that need `engine`. */
  get engine(): DmaEngine {
    return this.#declared(this.#engine, 'engine')
  }

  /** Only for cases that need `cyclic`. */
  get cyclic(): CyclicEngine {
    return this.#declared(this.#cyclic, 'cyclic')
  }

  /** The first memory BAR; only for cases that need `memory-bar`. */
  get bar(): Region {
    return this.#declared(
      this.device.regions.find((bar) => bar.kind === 'memory' && bar.mappable),
      'memory-bar',
    )
  }

  /** Only for cases that need `constant-register` or `inverting-register`. */
  register(behaviour: 'constant' | 'inverts'): KnownRegister {
    return this.#declared(findRegister(this.profile, behaviour, this.device), `${behaviour} register`)
  }

  /** The BAR with this index. */
  region(index: number): Region {
    return this.#declared(
      this.device.regions.find((bar) => bar.index === index),
      `BAR ${index}`,
    )
  }

  #declared<T>(thing: T | undefined, need: string): T {
    if (thing === undefined) throw new ProbarError('internal', `the case uses '${need}' without declaring the need`)
    return thing
  }
}
