import { type Va, distance } from '../../../../src/base/address.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { ScatterGatherList } from '../../../../src/ddi/dma/scatter-gather-list.ts'
import type { Dma } from '../../../../src/ddi/dma/dma.ts'
import type { Ddi } from '../../../../src/ddi/compose.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { KsMappingTable } from '../../../../src/ddi/ks/mappings.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { altered } from './altered.ts'

/** DDIs that break their contract, and the objects that they hand out. */

type Family = keyof Ddi

function family<Name extends Family>(
  name: Name,
): (alter: (ddi: Ddi[Name], kernel: Kernel) => Partial<Ddi[Name]>) => Plant {
  return (alter) => ({ ddi: (ddi, kernel) => ({ ...ddi, [name]: altered(ddi[name], alter(ddi[name], kernel)) }) })
}

export const mm = family('mm')
export const dma = family('dma')
export const ks = family('ks')
export const portcls = family('portcls')
export const waveRT = family('waveRT')
export const dxgk = family('dxgk')
export const registers = family('registers')

/** MmAllocatePagesForMdlEx with other arguments. */
export const allocating = (change: (request: AllocateRequest) => Partial<AllocateRequest>): Plant =>
  mm((mm) => ({
    MmAllocatePagesForMdlEx: (low, high, skip, bytes, type, flags) => {
      const asked = { low, high, skip, bytes, flags }
      const request = { ...asked, ...change(asked) }
      return mm.MmAllocatePagesForMdlEx(request.low, request.high, request.skip, request.bytes, type, request.flags)
    },
  }))

type AllocateArguments = Parameters<Mm['MmAllocatePagesForMdlEx']>

export interface AllocateRequest {
  readonly low: AllocateArguments[0]
  readonly high: AllocateArguments[1]
  readonly skip: AllocateArguments[2]
  readonly bytes: number
  readonly flags: number
}

/** Every MDL that MmAllocatePagesForMdlEx makes is spoilt. */
export const mdls = (spoil: (mdl: Mdl, mm: Mm) => void): Plant =>
  mm((mm) => ({
    MmAllocatePagesForMdlEx: (...args) => {
      const mdl = mm.MmAllocatePagesForMdlEx(...args)
      if (mdl === null) return null
      spoil(mdl, mm)
      mm.accept(mdl)
      return mdl
    },
  }))

export type MapArguments = Parameters<Mm['MmMapLockedPagesSpecifyCache']>

/** MmMapLockedPagesSpecifyCache, with what it calls in its place. */
export const mapping = (map: (mm: Mm, ...args: MapArguments) => Va | null): Plant =>
  mm((mm) => ({ MmMapLockedPagesSpecifyCache: (...args) => map(mm, ...args) }))

/** The same MDL is spoilt after each mapping. */
export const mapped = (spoil: (mdl: Mdl) => void): Plant =>
  mapping((mm, ...args) => {
    const address = mm.MmMapLockedPagesSpecifyCache(...args)
    spoil(args[0])
    mm.accept(args[0])
    return address
  })

export const adapters = (alter: (adapter: DmaAdapter, kernel: Kernel) => Partial<DmaAdapter>): Plant =>
  dma((dma, kernel) => {
    const real = new Map<DmaAdapter, DmaAdapter>()
    return {
      IoGetDmaAdapter(...args) {
        const adapter = dma.IoGetDmaAdapter(...args)
        if (adapter === null) return null
        const broken = altered(adapter, alter(adapter, kernel))
        real.set(broken, adapter)
        return broken
      },
      PutDmaAdapter: (adapter) => dma.PutDmaAdapter((adapter === null ? undefined : real.get(adapter)) ?? adapter),
    }
  })

/** Every description is changed before IoGetDmaAdapter sees it. */
export const describing = (change: (description: Parameters<Dma['IoGetDmaAdapter']>[1]) => void): Plant =>
  dma((dma) => ({
    IoGetDmaAdapter: (device, description, registers) => {
      change(description)
      return dma.IoGetDmaAdapter(device, description, registers)
    },
  }))

export type ListArguments = Parameters<DmaAdapter['GetScatterGatherList']>

/** What a driver's list routine gets instead of the list. */
export const lists = (instead: (list: ScatterGatherList, bytes: Bytes, mdl: Mdl) => ScatterGatherList): Plant =>
  adapters((adapter, kernel) => ({
    GetScatterGatherList: (device, mdl, at, length, routine, context, write) =>
      adapter.GetScatterGatherList(
        device,
        mdl,
        at,
        length,
        (_device, _irp, list) => routine(_device, _irp, instead(list, new Bytes(kernel, list.address), mdl), context),
        context,
        write,
      ),
  }))

/** The bytes of every list are spoilt before its routine sees it. */
export const listBytes = (spoil: (bytes: Bytes, list: ScatterGatherList, mdl: Mdl) => void): Plant =>
  lists((list, bytes, mdl) => {
    spoil(bytes, list, mdl)
    return list
  })

/** What generateMappings gives instead of its table. */
export const tables = (instead: (table: KsMappingTable, bytes: Bytes, mdl: Mdl) => KsMappingTable): Plant =>
  ks((ks, kernel) => ({
    generateMappings: (mdl, length, write, out) => {
      const status = ks.generateMappings(mdl, length, write, out)
      if (out.value !== undefined) out.value = instead(out.value, new Bytes(kernel, out.value.Mappings), mdl)
      return status
    },
  }))

/** The bytes of every table are spoilt. */
export const tableBytes = (spoil: (bytes: Bytes, table: KsMappingTable, mdl: Mdl) => void): Plant =>
  tables((table, bytes, mdl) => {
    spoil(bytes, table, mdl)
    return table
  })

/** Memory from an address on, as the DDI that wrote it could have spoilt it. */
export class Bytes {
  readonly #kernel: Kernel
  readonly #start: number

  constructor(kernel: Kernel, address: Va) {
    this.#kernel = kernel
    this.#start = distance(kernel.frames.address, address)
  }

  read(offset: number, length: number): Uint8Array {
    return this.#kernel.frames.read(this.#start + offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#kernel.frames.write(this.#start + offset, bytes)
  }

  u32(offset: number): number {
    return Buffer.from(this.read(offset, 4)).readUInt32LE()
  }

  u64(offset: number): bigint {
    return Buffer.from(this.read(offset, 8)).readBigUInt64LE()
  }

  set32(offset: number, value: number): void {
    this.write(offset, new Uint8Array(Uint32Array.of(value).buffer))
  }

  set64(offset: number, value: bigint): void {
    this.write(offset, new Uint8Array(BigUint64Array.of(value).buffer))
  }

  exchange(first: number, second: number, length: number): void {
    const kept = this.read(first, length)
    this.write(first, this.read(second, length))
    this.write(second, kept)
  }
}
