import { type Va, distance, physicalAddress, va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { PoolBlock } from '../kernel/pool.ts'
import type { Mdl } from '../mm/mdl.ts'
import type { IPortWaveRTStream } from './interfaces.ts'
import { IPORT_WAVE_RT_STREAM, type Method } from './vtables.ts'

/** What a call passes and returns, as registers and stack hold it: 8 bytes each, `this` first. */
export type Routine = (words: readonly bigint[]) => bigint

/** A port's stream, and the MDLs that a caller can name by their addresses. */
export interface ImagedPort extends IPortWaveRTStream {
  readonly allocated: readonly Mdl[]
}

/** Where routines seem to lie; nothing is mapped there. */
const CODE = 0xffff_f800_0000_0000n
const SPACING = 16n
const POINTER = 8

/**
 * An IPortWaveRTStream in memory, as a caller in another language finds it: a pointer to a vtable of 8 bytes a slot (WRT-001),
 * whose routines take their arguments by Microsoft's x64 convention (WRT-002).
 */
export class PortStreamImage {
  /** Of the interface: the pointer to the vtable lies there. */
  readonly address: Va
  readonly #kernel: Kernel
  readonly #blocks: readonly PoolBlock[]
  readonly #routines: readonly Routine[]

  /** @throws ProbarError out-of-memory */
  constructor(kernel: Kernel, port: ImagedPort) {
    this.#kernel = kernel
    this.#routines = IPORT_WAVE_RT_STREAM.map((method) => this.#routine(method, port))
    const vtable = blockOf(kernel, this.#routines.length * POINTER)
    for (const slot of this.#routines.keys())
      vtable.data.setBigUint64(slot * POINTER, CODE + BigInt(slot) * SPACING, true)
    const object = blockOf(kernel, POINTER)
    object.data.setBigUint64(0, vtable.address, true)
    this.#blocks = [object, vtable]
    this.address = object.address
  }

  /**
   * What a call instruction does with the pointer out of a slot.
   * @param code as it was read from the vtable
   * @returns what the result register holds
   * @throws ProbarError access-violation where no routine begins
   */
  call(code: Va, ...words: readonly bigint[]): bigint {
    const routine = this.#routines.find((_, slot) => code === CODE + BigInt(slot) * SPACING)
    if (routine === undefined) throw new ProbarError('access-violation', `no routine begins at 0x${code.toString(16)}`)
    return routine(words)
  }

  close(): void {
    for (const { address } of this.#blocks) this.#kernel.pool.free(address)
  }

  #routine({ name, result }: Method, port: ImagedPort): Routine {
    const act = actions(port)[name]
    return (words) => {
      if (act === undefined) return 0n
      const [hidden = 0n, ...behind] = words.slice(1)
      if (result !== 'hidden-pointer') return act([hidden, ...behind])
      const bytes = new DataView(new ArrayBuffer(POINTER))
      bytes.setBigUint64(0, act(behind), true)
      this.#kernel.frames.write(distance(this.#kernel.frames.address, va(hidden)), new Uint8Array(bytes.buffer))
      return hidden
    }
  }
}

/** The methods over plain words. An MDL is passed by its address. */
function actions(port: ImagedPort): Readonly<Record<string, Routine>> {
  const mdl = (word = 0n): Mdl => {
    const found = port.allocated.find(({ address }) => address === word)
    if (found === undefined)
      throw new ProbarError('access-violation', `0x${word.toString(16)} is no MDL of this stream`)
    return found
  }
  const high = (word = 0n) => physicalAddress(word)
  return {
    AllocatePagesForMdl: ([limit, bytes]) => port.AllocatePagesForMdl(high(limit), Number(bytes))?.address ?? 0n,
    AllocateContiguousPagesForMdl: ([low, limit, bytes]) =>
      port.AllocateContiguousPagesForMdl(high(low), high(limit), Number(bytes))?.address ?? 0n,
    MapAllocatedPages: ([list, type]) => port.MapAllocatedPages(mdl(list), Number(type)) ?? 0n,
    UnmapAllocatedPages: ([address = 0n, list]) => {
      port.UnmapAllocatedPages(va(address), mdl(list))
      return 0n
    },
    FreePagesFromMdl: ([list]) => {
      port.FreePagesFromMdl(mdl(list))
      return 0n
    },
    GetPhysicalPagesCount: ([list]) => BigInt(port.GetPhysicalPagesCount(mdl(list))),
    GetPhysicalPageAddress: ([list, index]) => port.GetPhysicalPageAddress(mdl(list), Number(index)),
  }
}

function blockOf({ pool }: Kernel, bytes: number): PoolBlock {
  const block = pool.allocate(bytes)
  if (block === undefined) throw new ProbarError('out-of-memory', 'the pool has no room for an interface')
  return block
}
