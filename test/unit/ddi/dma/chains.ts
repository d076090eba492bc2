import type { ScatterGatherList } from '../../../../src/ddi/dma/scatter-gather-list.ts'
import { type Mdl, MmGetMdlByteCount } from '../../../../src/ddi/mm/mdl.ts'
import type { Segments } from '../../../../src/device/segments.ts'
import type { Bench } from '../bench.ts'

/** A buffer of `bytes` that begins `offset` bytes into its first page, as a driver may describe one. */
export function part(bench: Bench, offset: number, bytes: number): Mdl {
  const mdl = bench.pages(Math.ceil((offset + bytes) / 4096))
  mdl.header.set('ByteOffset', offset)
  mdl.header.set('ByteCount', bytes)
  bench.ddi.mm.accept(mdl)
  return mdl
}

export function chain(mdls: readonly Mdl[]): Mdl {
  const [first] = mdls
  if (first === undefined) throw new Error('no MDL')
  mdls.forEach((mdl, at) => mdl.header.set('Next', mdls[at + 1]?.address ?? 0n))
  return first
}

/** Where each byte of the chain lies in the home view: what a list must lead to, byte by byte. */
export function bytesOf(bench: Bench, mdls: readonly Mdl[]): readonly number[] {
  return mdls.flatMap((mdl) => {
    const frames = bench.ddi.mm.framesOf('test', mdl)
    const start = mdl.header.get('ByteOffset')
    return Array.from({ length: MmGetMdlByteCount(mdl) }, (_, i) => {
      const at = start + i
      return (frames[Math.floor(at / 4096)] ?? 0) * 4096 + (at % 4096)
    })
  })
}

/** Where the bytes of the elements lie, one after the other, by what the domain was asked to map. */
export class BusMap {
  readonly #pages = new Map<bigint, number>()

  constructor(bench: Bench) {
    const { dma } = bench.device
    const map = dma.map.bind(dma)
    const note = (bus: bigint, indices: Uint32Array, at: number): void => {
      this.#pages.set(bus, indices[at] ?? 0)
    }
    Object.defineProperty(dma, 'map', {
      value: (...args: Parameters<typeof map>) => {
        const mapping = map(...args)
        let page = 0
        for (const { bus, length } of mapping.segments) {
          for (let done = 0; done < length; done += 4096) note((bus + BigInt(done)) >> 12n, args[0].indices, page++)
        }
        return mapping
      },
    })
  }

  bytes(list: ScatterGatherList): readonly number[] {
    return this.bytesOf(list.segments())
  }

  bytesOf(segments: Segments): readonly number[] {
    return [...segments].flatMap(({ bus, length }) =>
      Array.from({ length }, (_, i) => {
        const at = bus + BigInt(i)
        return (this.#pages.get(at >> 12n) ?? Number.NaN) * 4096 + Number(at & 4095n)
      }),
    )
  }
}
