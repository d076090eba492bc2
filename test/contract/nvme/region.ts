import { physicalAddress } from '../../../src/base/address.ts'
import type { BlockingClock } from '../../../src/base/clock.ts'
import type { Region, RegionView } from '../../../src/device/contract.ts'
import { type Width, WidthAccesses } from '../../../src/device/register-access.ts'
import { interpret } from '../../../src/device/register-program/interpret.ts'
import type { RegisterProgram } from '../../../src/device/register-program/program.ts'

/** Registers of 4 bytes, as somebody answers for them. */
export interface Answers {
  load(offset: number): number
  store(offset: number, value: number): void
}

const absent = (): never => {
  throw new Error('the model has no such access')
}

/** BAR 0 over a model, to which accesses of 8 bytes come as two. */
export class ModelRegion extends WidthAccesses implements Region {
  readonly access64 = 'halves'
  readonly index = 0
  readonly kind = 'memory'
  readonly size = 0x4000
  readonly start = physicalAddress(0xfe00_0000n)
  readonly prefetchable = false
  readonly addressBits = 64
  readonly mappable = false
  readonly mappableAreas = []
  protected readonly extent = 0x4000
  readonly #answers: Answers
  readonly #clock: BlockingClock

  constructor(answers: Answers, clock: BlockingClock) {
    super()
    this.#answers = answers
    this.#clock = clock
  }

  map = (): RegionView => absent()
  readBlock = (): void => absent()
  writeBlock = (): void => absent()

  run(program: RegisterProgram): BigUint64Array {
    const port = {
      load: (offset: number, width: Width) => this.load(offset, width),
      store: (offset: number, width: Width, value: bigint) => this.store(offset, width, value),
    }
    return interpret(program, port, this.#clock)
  }

  protected override load(offset: number, width: Width): bigint {
    if (width !== 4) return absent()
    return BigInt(this.#answers.load(offset) >>> 0)
  }

  protected override store(offset: number, width: Width, value: bigint): void {
    if (width !== 4) absent()
    this.#answers.store(offset, Number(value))
  }
}
