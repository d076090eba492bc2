import { busAddress, va } from '../../../../src/base/address.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { Placement } from '../../../../src/device/contract.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import { adapters, mm } from '../plants/broken-ddi.ts'
import { domain } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'
import { type Output, misanswering, passing, platform, tolerates } from './broken.ts'

/** The device gets another address than the one that is mapped. */
const elsewhere = (
  name: 'AllocateCommonBuffer' | 'AllocateCommonBufferEx' | 'AllocateCommonBufferWithBounds',
  at: number,
  by: bigint,
) =>
  misanswering(name, (address, ...args) => {
    const logical = args[at] as Output
    if (logical.value !== undefined) logical.value = busAddress((logical.value as bigint) + by)
    return address
  })

const BOUNDS_OUT = 6

/** Common buffers grant one direction only. */
const mappedFor = (granted: 'read' | 'write') =>
  domain((dma) => ({
    map: (frames, access, placement) => dma.map(frames, isOfBuffer(access, placement) ? granted : access, placement),
  }))

/** The engine's own page is the only other one that both reach; it is mapped before any case begins. */
const isOfBuffer = (access: string, placement: Placement | undefined): boolean =>
  access === 'both' && placement !== undefined && placement.kind !== 'scatter'

/** Common buffers end nowhere. */
const staysMapped = domain((dma) => ({
  map: (frames, access, placement) => {
    const mapping = dma.map(frames, access, placement)
    if (placement?.kind !== 'join') return mapping
    const { segments, size } = mapping
    return { segments, access, size, unmap: () => size, [Symbol.dispose]: () => undefined }
  },
}))

type Bounded = Parameters<DmaAdapter['AllocateCommonBufferWithBounds']>

const bounded = (change: (...args: Bounded) => Partial<Record<number, unknown>>) =>
  passing('AllocateCommonBufferWithBounds', (...args: readonly unknown[]) => {
    const changes = change(...(args as unknown as Bounded))
    return args.map((arg, at) => (at in changes ? changes[at] : arg))
  })

const creating = (change: (status: number, args: readonly unknown[]) => unknown) =>
  misanswering('CreateCommonBufferFromMdl', (status, ...args) => change(status as number, args))

/** Defects for the cases of common buffers. */
export const commonBufferDefects: Defects = {
  'dma/common-buffer-both-ways': [
    planted('the address is another', 'what the CPU sees', elsewhere('AllocateCommonBuffer', 1, 64n)),
    fault('dma-writes-lost', 'what the CPU sees'),
    planted('the device may only write', 'what the device received', mappedFor('write')),
    planted('the device may only read', 'what the CPU sees', mappedFor('read')),
    planted(
      'uncached buffers are none',
      'a common buffer',
      adapters((adapter) => ({
        AllocateCommonBuffer: (length, logical, cached) =>
          cached ? adapter.AllocateCommonBuffer(length, logical, cached) : null,
      })),
    ),
    planted(
      'at any level',
      'at DISPATCH_LEVEL',
      adapters((adapter, kernel) => ({
        AllocateCommonBuffer: (...args) => {
          const level = kernel.KeGetCurrentIrql()
          kernel.KeLowerIrql(KIRQL.PASSIVE_LEVEL)
          const address = adapter.AllocateCommonBuffer(...args)
          kernel.KeRaiseIrql(level)
          return address
        },
      })),
    ),
    planted(
      'there is always one',
      'a buffer of all the memory',
      misanswering('AllocateCommonBuffer', (address) => address ?? va(4096)),
    ),
  ],
  'dma/common-buffer-freed-exactly': [
    planted(
      'any length',
      'another length',
      passing('FreeCommonBuffer', (...args: readonly unknown[]) => [PAGE_SIZE, ...args.slice(1)]),
    ),
    planted('any values', 'another length', tolerates('FreeCommonBuffer', 'caller-error')),
    planted(
      'any logical address',
      'another logical address',
      passing('FreeCommonBuffer', (length, logical: bigint, ...rest: never[]) => [
        length,
        busAddress(logical & ~4095n),
        ...rest,
      ]),
    ),
    planted(
      'any caching',
      'another caching',
      passing('FreeCommonBuffer', (length, logical, address) => [length, logical, address, true]),
    ),
    fault('dma-writes-lost', 'the buffer before it is freed'),
    fault('iommu-keeps-translation', 'frames that the device still wrote'),
    planted('the device keeps it', 'frames that the device still wrote', staysMapped),
    planted('it is not freed', 'mappings afterwards', answeringOnce()),
  ],
  'dma/common-buffer-within-bounds': [
    planted(
      'Ex forgets the maximum',
      'the buffer ends below MaximumAddress',
      passing('AllocateCommonBufferEx', (_maximum, ...rest) =>
        [1n << 28n, ...rest].map((one, at) => (at === 0 ? null : one)),
      ),
    ),
    planted(
      'the minimum is forgotten',
      'at MinimumAddress or above',
      bounded(() => ({ 0: null, 1: 0x0100_0000n })),
    ),
    planted(
      'the maximum is forgotten',
      'the bounded buffer ends below',
      bounded(() => ({ 0: 0x0400_0000n, 1: null })),
    ),
    planted(
      'the address is another',
      'what the CPU sees',
      elsewhere('AllocateCommonBufferWithBounds', BOUNDS_OUT, 0x1000n),
    ),
    planted('the device may only write', 'what the device received', mappedFor('write')),
    planted(
      'bounds give way',
      'three pages within bounds of two',
      bounded((minimum, maximum) => ({ 1: maximum === null || minimum === null ? maximum : maximum + 0x10_0000n })),
    ),
    planted(
      'every caching is supported',
      'a write-combined buffer',
      bounded(() => ({ 4: null })),
    ),
  ],
  'dma/common-buffer-of-large-pages': [
    planted(
      'the flag is ignored',
      'pages taken',
      bounded(() => ({ 3: 0 })),
    ),
    fault('dma-writes-lost', 'the last bytes of the large page'),
    planted(
      'the address is another',
      'the last bytes of the large page',
      elsewhere('AllocateCommonBufferWithBounds', BOUNDS_OUT, -64n),
    ),
  ],
  'dma/common-buffer-from-mdl': [
    planted('no mapping is needed', 'an MDL without a system mapping', tolerates('CreateCommonBufferFromMdl', 0x22, 0)),
    planted(
      'no mapping is needed where DMA is not verified',
      'status without a system mapping',
      creating((status) => (status === NtStatus.STATUS_INVALID_PARAMETER ? 0 : status)),
    ),
    planted(
      'configurations are ignored',
      'status with an extended configuration',
      passing('CreateCommonBufferFromMdl', (mdl, configurations, _count, out) => [mdl, configurations, 0, out]),
    ),
    planted(
      'chains are taken',
      'status for a chained MDL',
      creating((status, args) => ((args[0] as MdlLike).header.get('Next') === 0n ? status : 0)),
    ),
    planted(
      'parts of pages are taken',
      'status for a part of a page',
      creating((status, args) => ((args[0] as MdlLike).header.get('ByteCount') === 100 ? 0 : status)),
    ),
    planted(
      'it fails',
      'CreateCommonBufferFromMdl',
      creating((status) => (status === 0 ? NtStatus.STATUS_INSUFFICIENT_RESOURCES : status)),
    ),
    fault('dma-writes-lost', 'what the CPU sees'),
    planted('the device may only write', 'what the device received', mappedFor('write')),
    planted('a bounce buffer copies too much', 'the pages between', scribbling()),
    planted(
      'its pages may go',
      'freeing the pages',
      mm((one) => ({
        MmFreePagesFromMdl: (mdl) => {
          try {
            one.MmFreePagesFromMdl(mdl)
          } catch {
            return undefined
          }
        },
      })),
    ),
  ],
  'dma/scattered-mdl-without-remapping': [
    planted('it is remapped all the same', 'status', platform({ remapping: true })),
  ],
  'dma/overrun-in-the-page': [
    fault('dma-writes-lost', 'memory 0 bytes past the buffer'),
    planted('no tag stands behind it', 'freeing it with its tag overwritten', tolerates('FreeCommonBuffer', [0x0f, 2])),
    planted(
      'no padding stands behind it',
      'freeing it with its padding overwritten',
      tolerates('FreeCommonBuffer', [0x0f, 5]),
    ),
    planted('DMA is not verified', 'freeing it with its tag overwritten', platform({ verification: false })),
  ],
  'dma/overrun-in-front': [
    fault('dma-writes-lost', 'the buffer itself'),
    planted('no tag stands in front', 'freeing it with its tag overwritten', tolerates('FreeCommonBuffer', [0x0f, 1])),
    planted(
      'no padding stands in front',
      'freeing it with its padding overwritten',
      tolerates('FreeCommonBuffer', [0x0f, 4]),
    ),
    planted('the page in front is mapped, too', 'memory in front after a write', frontMapped()),
  ],
}

interface MdlLike {
  readonly header: { get(name: string): unknown }
}

/** The first FreeCommonBuffer that would succeed does nothing. */
function answeringOnce() {
  return adapters((adapter) => ({
    FreeCommonBuffer: (length, logical, address, cached) => {
      if (length === PAGE_SIZE && logical % 4096n === 0n && cached) return undefined
      return adapter.FreeCommonBuffer(length, logical, address, cached)
    },
  }))
}

/** Mapping a common buffer of scattered pages overwrites the byte behind each. */
function scribbling() {
  return domain((dma) => ({
    map: (frames, access, placement) => {
      const { memory, indices } = frames
      if (placement?.kind === 'join') {
        for (const index of indices) {
          const at = (index + 1) * PAGE_SIZE
          if (at < memory.size && !indices.includes(index + 1)) memory.write(at, Uint8Array.of(0x5a))
        }
      }
      return dma.map(frames, access, placement)
    },
  }))
}

/** The device reaches the page in front of every common buffer as well. */
function frontMapped() {
  return domain((dma) => ({
    map: ({ memory, indices }, access, placement) => {
      if (placement?.kind !== 'join') return dma.map({ memory, indices }, access, placement)
      const mapping = dma.map({ memory, indices: Uint32Array.of((indices[0] ?? 1) - 1, ...indices) }, access, placement)
      const { segments, size } = mapping
      const part = segments.slice(PAGE_SIZE, size - PAGE_SIZE)
      const unmap = (): number => mapping.unmap() - PAGE_SIZE
      return { segments: part, access, size: size - PAGE_SIZE, unmap, [Symbol.dispose]: () => void unmap() }
    },
  }))
}
