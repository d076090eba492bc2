import { advance, type Va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type {
  ConfigSpace,
  DmaAccess,
  DmaDomain,
  Frames,
  InterruptKind,
  Mapping,
  NoticeKind,
  Placement,
  RegionView,
} from '../../../device/contract.ts'
import type { ProbarError } from '../../../base/errors.ts'
import { type Segment, Segments } from '../../../device/segments.ts'
import { LoopbackInterrupts } from '../interrupts.ts'
import { ConfigOffset } from '../model/config-layout.ts'
import type { ModelConfigSpace } from '../model/config-space.ts'
import { EduInterrupt } from '../model/edu.ts'
import { LoopbackNotices } from '../notices.ts'
import { LoopbackRegion, type RegionWiring } from '../region.ts'
import type { Defects } from './defects.ts'

/** A BAR with what is planted into it. */
export class PlantedRegion extends LoopbackRegion {
  readonly #wiring: RegionWiring
  readonly #defects: Defects

  constructor(wiring: RegionWiring, defects: Defects) {
    super(wiring, defects.has('bar-size-wrong') && wiring.bar.index === 0 ? 2 * wiring.bar.size : wiring.bar.size)
    this.#wiring = wiring
    this.#defects = defects
  }

  override map(offset: number, length: number, at: Va): RegionView {
    const view = super.map(offset, length, at)
    if (this.#defects.has('bar-offset-ignored')) return super.map(0, length, at)
    if (!this.#defects.has('bar-view-detached')) return view
    const nobody = { read: () => 0n, write: () => undefined }
    return new LoopbackRegion({ ...this.#wiring, registers: nobody }).map(offset, length, at)
  }
}

/** Config space with what is planted into it. */
export function plantedConfig(config: ModelConfigSpace, defects: Defects): ConfigSpace {
  const misread = defects.has('config-ids-wrong')
  const lost = defects.has('config-write-lost')
  return {
    size: config.size,
    read8: (offset) => config.read8(offset),
    read16: (offset) => config.read16(offset) ^ (misread && offset === ConfigOffset.device ? 1 : 0),
    read32: (offset) => config.read32(offset),
    write8: (offset, value) => (lost ? undefined : config.write8(offset, value)),
    write16: (offset, value) => (lost ? undefined : config.write16(offset, value)),
    write32: (offset, value) => (lost ? undefined : config.write32(offset, value)),
  }
}

/** Interrupts with what is planted into them. */
export class PlantedInterrupts extends LoopbackInterrupts {
  readonly #defects: Defects

  constructor(defects: Defects, ...wiring: ConstructorParameters<typeof LoopbackInterrupts>) {
    super(...wiring)
    this.#defects = defects
  }

  override enable(kind: InterruptKind, vectors: number): void {
    super.enable(kind, vectors)
    if (this.#defects.has('irq-spurious')) super.trigger(0)
  }

  override trigger(vector: number): void {
    if (this.#defects.has('trigger-lost')) return
    super.trigger(vector)
    if (this.#defects.has('trigger-twice')) super.trigger(vector)
    if (this.#defects.has('vector-shared') && vector > 0) super.trigger(0)
  }

  override mask(vector: number): void {
    if (!this.#defects.has('mask-ignored')) super.mask(vector)
  }

  override unmask(vector: number): void {
    if (!this.#defects.has('unmask-lost')) super.unmask(vector)
  }

  override fail(error: ProbarError): void {
    if (!this.#defects.has('notice-wakes-nobody')) super.fail(error)
  }

  override raise(cause: number, vector = 0): void {
    if (this.#defects.has('irq-lost')) return
    if (this.#defects.has('irq-at-completion-lost') && cause === EduInterrupt.dma) return
    super.raise(cause, vector)
    if (this.#defects.has('irq-twice')) super.raise(cause, vector)
    if (this.#defects.has('pin-never-masked') && this.kind === 'intx') super.trigger(0)
  }
}

/** Notices with what is planted into them. */
export class PlantedNotices extends LoopbackNotices {
  readonly #defects: Defects

  constructor(defects: Defects, ...wiring: ConstructorParameters<typeof LoopbackNotices>) {
    super(...wiring)
    this.#defects = defects
  }

  override trigger(kind: NoticeKind): void {
    if (!this.#defects.has('notice-lost')) super.trigger(kind)
  }
}

/** The DMA domain with what is planted into it. */
export function plantedDomain(domain: DmaDomain, defects: Defects): DmaDomain {
  return {
    capabilities: domain.capabilities,
    get entries() {
      return domain.entries
    },
    map(frames: Frames, access: DmaAccess, placement?: Placement): Mapping {
      const mapping = domain.map(frames, access, defects.has('placement-ignored') ? { kind: 'join' } : placement)
      return withSegments(mapping, distorted(mapping.segments, defects))
    },
  }
}

function distorted(segments: Segments, defects: Defects): Segments {
  if (defects.has('segments-unmerged')) return Segments.of([...segments].flatMap(pagesOf))
  if (defects.has('segments-short')) return segments.slice(0, segments.size - PAGE_SIZE)
  return segments
}

function pagesOf({ bus, length }: Segment): Segment[] {
  return Array.from({ length: length / PAGE_SIZE }, (_, page) => ({
    bus: advance(bus, page * PAGE_SIZE),
    length: PAGE_SIZE,
  }))
}

function withSegments(mapping: Mapping, segments: Segments): Mapping {
  return {
    segments,
    access: mapping.access,
    size: mapping.size,
    unmap: () => mapping.unmap(),
    [Symbol.dispose]: () => mapping[Symbol.dispose](),
  }
}
