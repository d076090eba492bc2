import { type Width, allOnes } from '../../../device/register-access.ts'
import { DmaController, DmaRegister } from './dma-controller.ts'
import type { Model, ModelShape, ModelWiring } from './model.ts'
import type { RegisterFile } from './registers.ts'

/**
 * QEMU's educational PCI device, after its specification (docs/specs/edu.rst in QEMU). What that leaves open was measured
 * on QEMU 7.2 and is marked so.
 */
export const EduRegister = {
  /** RO: version and the letters "ed". */
  identification: 0x00,
  /** RW: reads as the inversion of what was written. */
  liveness: 0x04,
  /** RW: becomes the factorial of what was written, modulo 2^32, once the status bit is clear. */
  factorial: 0x08,
  /** RW: see `EduStatus`. */
  status: 0x20,
  /** RO: the values that raised the interrupt. */
  interruptStatus: 0x24,
  /** WO: raises an interrupt and sets the value's bits in the interrupt status. */
  interruptRaise: 0x60,
  /** WO: clears the value's bits in the interrupt status. */
  interruptAcknowledge: 0x64,
  /** RW, 64 bits each: see `DmaRegister`. */
  dma: 0x80,
} as const

export const EduStatus = { computing: 0x01, interruptAfterFactorial: 0x80 } as const

/** Bits of the interrupt status that the device itself sets. The first was measured, the document tells the second. */
export const EduInterrupt = { factorial: 0x1, dma: 0x100 } as const

export const IDENTIFICATION = 0x0100_00ed

/** From here on accesses of 8 bytes are allowed beside those of 4. */
const WIDE_FROM = 0x80
/** The document gives no time; the device takes a moment. */
const FACTORIAL_MS = 1

/** @param msi vectors; QEMU's has 1, and none but the first is ever raised by the model itself */
export const eduShape = (msi: number): ModelShape => ({
  vendor: 0x1234,
  device: 0x11e8,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
  revision: 0x10,
  classCode: 0x00_ff00,
  bars: [{ index: 0, size: 0x10_0000, start: 0xfea0_0000n, addressBits: 32, prefetchable: false }],
  vectors: { intx: 1, msi, msix: 0 },
  functionReset: false,
})

/** The registers behind BAR 0. QEMU 7.2 stops when a transfer leaves the buffer (measured): the model dies then. */
export class Edu implements RegisterFile, Model {
  readonly registers: ReadonlyMap<number, RegisterFile> = new Map([[0, this]])
  readonly #wiring: ModelWiring
  readonly #dma: DmaController
  #liveness = 0
  #factorial = 0
  #status = 0
  #interrupts = 0
  #computation: Disposable | undefined

  constructor(wiring: ModelWiring) {
    this.#wiring = wiring
    this.#dma = new DmaController({
      clock: wiring.clock,
      bus: wiring.bus,
      mask: wiring.dmaMask,
      interrupt: () => this.#raise(EduInterrupt.dma),
      leftBuffer: wiring.die,
    })
  }

  /** Measured: narrow reads give 0, 8 bytes below 0x80 and offsets without a readable register give all ones. */
  read(offset: number, width: Width): bigint {
    if (width < 4) return 0n
    if (width === 8 && offset < WIDE_FROM) return allOnes(8)
    return (this.#value(offset) ?? allOnes(width)) & allOnes(width)
  }

  /** Writes of a width that is not allowed, and to offsets without a writable register, do nothing. */
  write(offset: number, width: Width, value: bigint): void {
    if (width < 4 || (width === 8 && offset < WIDE_FROM)) return
    if (isDmaRegister(offset)) this.#dma.write(offset, value)
    else this.#write32(offset, Number(value))
  }

  /**
   * Registers stay as they are (measured), the DMA command among them: so a transfer that runs goes on to its end.
   */
  reset(): void {}

  [Symbol.dispose](): void {
    this.#computation?.[Symbol.dispose]()
    this.#dma[Symbol.dispose]()
  }

  #value(offset: number): bigint | undefined {
    if (isDmaRegister(offset)) return this.#dma.read(offset)
    switch (offset) {
      case EduRegister.identification:
        return BigInt(IDENTIFICATION)
      case EduRegister.liveness:
        return BigInt(this.#liveness)
      case EduRegister.factorial:
        return BigInt(this.#factorial)
      case EduRegister.status:
        return BigInt(this.#status)
      case EduRegister.interruptStatus:
        return BigInt(this.#interrupts)
      default:
        return undefined
    }
  }

  #write32(offset: number, value: number): void {
    switch (offset) {
      case EduRegister.liveness:
        this.#liveness = ~value >>> 0
        break
      case EduRegister.factorial:
        this.#compute(value)
        break
      case EduRegister.status:
        this.#status = (this.#status & EduStatus.computing) | (value & EduStatus.interruptAfterFactorial)
        break
      case EduRegister.interruptRaise:
        this.#raise(value)
        break
      case EduRegister.interruptAcknowledge:
        this.#acknowledge(value)
        break
    }
  }

  /** A value that comes while another one is being computed is dropped. */
  #compute(value: number): void {
    if (this.#computation !== undefined) return
    this.#factorial = value
    this.#status |= EduStatus.computing
    this.#computation = this.#wiring.clock.setTimer(FACTORIAL_MS, () => {
      this.#computation = undefined
      this.#factorial = factorial(value)
      this.#status &= ~EduStatus.computing
      if ((this.#status & EduStatus.interruptAfterFactorial) !== 0) this.#raise(EduInterrupt.factorial)
    })
  }

  /** Measured: every write raises, that of 0 and one before an acknowledgement too. */
  #raise(value: number): void {
    this.#interrupts = (this.#interrupts | value) >>> 0
    this.#wiring.line.raise(value)
  }

  #acknowledge(value: number): void {
    this.#interrupts = (this.#interrupts & ~value) >>> 0
    if (this.#interrupts === 0) this.#wiring.line.lower()
  }
}

function isDmaRegister(offset: number): offset is DmaRegister {
  return Object.values(DmaRegister).some((register) => register === offset)
}

/** Modulo 2^32; from 34 on 2^32 divides it, which also bounds the loop. */
function factorial(value: number): number {
  if (value >= 34) return 0
  let product = 1
  for (let factor = 2; factor <= value; factor++) product = Math.imul(product, factor)
  return product >>> 0
}
