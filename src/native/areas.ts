import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import type { Area, Protection } from './surface.ts'

interface Span {
  readonly address: number
  /** Bytes. */
  readonly size: number
}

/** Frames and their home view. */
export interface MemoryArea extends Span {
  readonly kind: 'memory'
  protection: Protection
  readonly file: number
  /** Set once JavaScript has seen the memory, which then must stay mapped. */
  buffer: ArrayBuffer | undefined
}

/** Address space, and the views that are mapped in it. */
export interface ReservedArea extends Span {
  readonly kind: 'reserved address space'
  readonly views: Map<Area, ViewArea>
}

export interface ViewArea extends Span {
  readonly kind: 'view'
  protection: Protection
  readonly reservation: ReservedArea
}

export type AnyArea = MemoryArea | ReservedArea | ViewArea

/**
 * The areas of one surface and the rules that the processor enforces for the addon. Through koffi a fault would end
 * Node, so each access is judged here, before it is made.
 */
export class Areas {
  readonly #areas = new Map<Area, AnyArea>()
  #last: Area = 0

  add(area: AnyArea): Area {
    this.#last += 1
    this.#areas.set(this.#last, area)
    if (area.kind === 'view') area.reservation.views.set(this.#last, area)
    return this.#last
  }

  /** @throws ProbarError closed */
  get(handle: Area): AnyArea {
    const area = this.#areas.get(handle)
    if (area !== undefined) return area
    if (typeof handle !== 'number') throw new ProbarError('internal', 'a handle must be a number')
    throw new ProbarError('closed', `handle ${handle} is closed: it was released, or never opened here`)
  }

  /** Forgets the area, and with a reservation the views in it. */
  remove(handle: Area): AnyArea {
    const area = this.get(handle)
    this.#areas.delete(handle)
    if (area.kind === 'view') area.reservation.views.delete(handle)
    if (area.kind === 'reserved address space') for (const view of area.views.keys()) this.#areas.delete(view)
    return area
  }

  /**
   * The reservation that holds all of [address, address + size) with no view in it.
   * @throws ProbarError range-outside
   */
  freePlace(address: number, size: number): ReservedArea {
    const range = `[${hex(address)}, +${hex(size)})`
    for (const area of this.#areas.values()) {
      if (area.kind !== 'reserved address space' || address % PAGE_SIZE !== 0 || !covers(area, address, size)) continue
      for (const view of area.views.values()) {
        if (address < view.address + view.size && view.address < address + size) {
          throw new ProbarError('range-outside', `${range} overlaps a view that is still mapped: release it first`)
        }
      }
      return area
    }
    throw new ProbarError('range-outside', `${range} is not whole pages inside one reservation: reserve it first`)
  }

  /**
   * The address of [offset, offset + length), when all of it may be accessed so.
   * @throws ProbarError range-outside, access-violation
   */
  locate(area: AnyArea, offset: number, length: number, access: 'read' | 'write'): number {
    if (length > area.size || offset > area.size - length) {
      throw new ProbarError(
        'range-outside',
        `${length} bytes at offset ${hex(offset)} are not inside a ${area.kind} of ${hex(area.size)} bytes`,
      )
    }
    const start = area.address + offset
    const refused = firstRefused(area, start, start + length, access === 'read' ? 1 : 3)
    if (refused === undefined) return start
    throw new ProbarError(
      'access-violation',
      `a ${access} at ${hex(refused)} would fault: nothing is mapped there, or its protection forbids this access`,
    )
  }
}

const covers = (outer: Span, address: number, size: number): boolean =>
  address >= outer.address && address + size <= outer.address + outer.size

/** The first address of [start, end) that has not the wanted protection, or undefined. */
function firstRefused(area: AnyArea, start: number, end: number, wanted: 1 | 3): number | undefined {
  if (area.kind !== 'reserved address space') {
    return start < end && (area.protection & wanted) !== wanted ? start : undefined
  }
  let reached = start
  while (reached < end) {
    const view = [...area.views.values()].find((candidate) => covers(candidate, reached, 1))
    if (view === undefined || (view.protection & wanted) !== wanted) return reached
    reached = view.address + view.size
  }
  return undefined
}
