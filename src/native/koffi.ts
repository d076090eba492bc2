import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import { type AnyArea, Areas } from './areas.ts'
import { checkBytes, checkCount, checkFrames, checkProtection, checkSize, checkWide } from './check.ts'
import { writeElements } from './element-list.ts'
import { type Libc, loadLibc } from './libc.ts'
import { runsOf } from './runs.ts'
import type { Area, MemorySurface, Protection } from './surface.ts'

/** What Node takes as the length of an external buffer. */
const BUFFER_LIMIT = 2 ** 32 - 1

/**
 * Memory through koffi and the C library, for machines without a compiler. It differs from the addon where it must:
 *
 * - A fault cannot be caught, so protection and liveness are checked before each access. Nothing is written when an
 *   access is refused; the addon writes up to the page that faults.
 * - An ArrayBuffer cannot be detached. Only a home view is offered as one, never a view; once it was, it cannot be
 *   protected and its address space is given back only when the process ends.
 * - Nothing tells when a worker ends: what it did not release stays until the process ends.
 * - No promise is made of the width of a load or a store, which memory does not need and a BAR never gets.
 *
 * @param addonProblem why the addon is not in use
 * @throws ProbarError addon-missing, capability-missing as loadLibc
 */
export function koffiMemory(addonProblem: string): MemorySurface {
  return new KoffiMemory(loadLibc(addonProblem), addonProblem)
}

class KoffiMemory implements MemorySurface {
  readonly provider = 'koffi'
  readonly #libc: Libc
  readonly #addonProblem: string
  readonly #areas = new Areas()
  /** Where the words of loads and stores pass through. */
  readonly #word = new DataView(new ArrayBuffer(8))

  constructor(libc: Libc, addonProblem: string) {
    this.#libc = libc
    this.#addonProblem = addonProblem
  }

  createMemory(bytes: number, hugePages = false): Area {
    if (hugePages) throw this.#needsAddon('there are no huge pages')
    const size = checkSize(bytes, 'bytes')
    const file = this.#libc.createFile(size)
    try {
      const address = this.#libc.mapFile(file, 0, size, 3)
      return this.#areas.add({ kind: 'memory', address, size, protection: 3, file, buffer: undefined })
    } catch (error) {
      this.#libc.closeFile(file)
      throw error
    }
  }

  reserve(bytes: number): Area {
    const size = checkSize(bytes, 'bytes')
    return this.#areas.add({
      kind: 'reserved address space',
      address: this.#libc.reserve(size),
      size,
      views: new Map(),
    })
  }

  mapFrames(address: number, memory: Area, frames: Uint32Array, protection: Protection): Area {
    checkCount(address, 'address')
    const source = this.#areas.get(memory)
    if (source.kind !== 'memory')
      throw new ProbarError('internal', `handle ${memory} is a ${source.kind}, not a memory`)
    const runs = runsOf(checkFrames(frames, 'frames'), source.size / PAGE_SIZE)
    const granted = checkProtection(protection)
    const size = frames.length * PAGE_SIZE
    const reservation = this.#areas.freePlace(address, size)
    try {
      let place = address
      for (const { first, count } of runs) {
        this.#libc.mapFile(source.file, first * PAGE_SIZE, count * PAGE_SIZE, granted, place)
        place += count * PAGE_SIZE
      }
    } catch (error) {
      this.#vacate(address, size)
      throw error
    }
    return this.#areas.add({ kind: 'view', address, size, protection: granted, reservation })
  }

  protect(area: Area, protection: Protection): void {
    const target = this.#areas.get(area)
    const granted = checkProtection(protection)
    if (target.kind === 'reserved address space') {
      throw new ProbarError('internal', 'reserved address space cannot be opened: map frames into it')
    }
    if (target.kind === 'memory' && target.buffer !== undefined && granted !== 3) {
      throw this.#needsAddon('memory that JavaScript has seen cannot be protected')
    }
    this.#libc.protect(target.address, target.size, granted)
    target.protection = granted
  }

  address(area: Area): number {
    return this.#areas.get(area).address
  }

  size(area: Area): number {
    return this.#areas.get(area).size
  }

  release(area: Area): void {
    const released = this.#areas.remove(area)
    if (released.kind === 'view') this.#vacate(released.address, released.size)
    else if (released.kind === 'reserved address space') this.#libc.unmap(released.address, released.size)
    else {
      this.#libc.closeFile(released.file)
      if (released.buffer === undefined) this.#libc.unmap(released.address, released.size)
    }
  }

  read(area: Area, offset: number, length: number): Uint8Array {
    const source = this.#locate(area, offset, checkCount(length, 'length'), 'read')
    const copy = newBytes(length)
    this.#libc.copyOut(copy, source)
    return copy
  }

  write(area: Area, offset: number, source: Uint8Array): void {
    const target = this.#locate(area, offset, checkBytes(source, 'source').length, 'write')
    this.#libc.copyIn(target, source)
  }

  fill(area: Area, offset: number, length: number, byte: number): void {
    const target = this.#locate(area, offset, checkCount(length, 'length'), 'write')
    this.#libc.fill(target, checkCount(byte, 'byte', 0xff), length)
  }

  fillPages(area: Area, pages: Uint32Array, byte: number): void {
    for (const page of checkFrames(pages, 'pages')) this.fill(area, page * PAGE_SIZE, PAGE_SIZE, byte)
  }

  compare(area: Area, offset: number, expected: Uint8Array): number {
    const found = this.#locate(area, offset, checkBytes(expected, 'expected').length, 'read')
    if (this.#libc.equal(found, expected, expected.length)) return -1
    const bytes = new Uint8Array(expected.length)
    this.#libc.copyOut(bytes, found)
    return bytes.findIndex((byte, index) => byte !== expected[index])
  }

  copy(to: Area, toOffset: number, from: Area, fromOffset: number, length: number): void {
    checkCount(length, 'length')
    const target = this.#locate(to, toOffset, length, 'write')
    const source = this.#locate(from, fromOffset, length, 'read')
    this.#libc.move(target, source, length)
  }

  bytes(area: Area): ArrayBuffer {
    const source = this.#areas.get(area)
    if (source.kind === 'reserved address space' || source.protection !== 3) {
      throw new ProbarError('access-violation', 'a protected area is never JavaScript memory: use read and write')
    }
    if (source.kind === 'view') throw this.#needsAddon('a view cannot be JavaScript memory, which has to end with it')
    if (source.size > BUFFER_LIMIT) {
      throw new ProbarError(
        'capability-missing',
        `JavaScript memory has at most ${BUFFER_LIMIT} bytes: use read and write`,
      )
    }
    source.buffer ??= this.#libc.buffer(source.address, source.size)
    return source.buffer
  }

  load8(area: Area, offset: number): number {
    return this.#load(area, offset, 1).getUint8(0)
  }

  load16(area: Area, offset: number): number {
    return this.#load(area, offset, 2).getUint16(0, true)
  }

  load32(area: Area, offset: number): number {
    return this.#load(area, offset, 4).getUint32(0, true)
  }

  load64(area: Area, offset: number): bigint {
    return this.#load(area, offset, 8).getBigUint64(0, true)
  }

  store8(area: Area, offset: number, value: number): void {
    this.#store(area, offset, 1, BigInt(checkCount(value, 'value', 0xff)))
  }

  store16(area: Area, offset: number, value: number): void {
    this.#store(area, offset, 2, BigInt(checkCount(value, 'value', 0xffff)))
  }

  store32(area: Area, offset: number, value: number): void {
    this.#store(area, offset, 4, BigInt(checkCount(value, 'value', 0xffff_ffff)))
  }

  store64(area: Area, offset: number, value: bigint): void {
    this.#store(area, offset, 8, checkWide(value, 'value'))
  }

  readonly writeElements = writeElements

  /** Makes a place reserved space again. At the limit of mappings even a replacement needs that some are gone first. */
  #vacate(address: number, size: number): void {
    try {
      this.#libc.reserve(size, address)
    } catch {
      this.#libc.unmap(address, size)
      this.#libc.reserve(size, address)
    }
  }

  #load(area: Area, offset: number, width: number): DataView {
    const source = this.#locateWord(area, offset, width, 'read')
    this.#libc.copyOut(new Uint8Array(this.#word.buffer, 0, width), source)
    return this.#word
  }

  #store(area: Area, offset: number, width: number, value: bigint): void {
    const target = this.#locateWord(area, offset, width, 'write')
    this.#word.setBigUint64(0, value, true)
    this.#libc.copyIn(target, new Uint8Array(this.#word.buffer, 0, width))
  }

  #locate(area: Area, offset: number, length: number, access: 'read' | 'write'): number {
    return this.#areas.locate(this.#areas.get(area), checkCount(offset, 'offset'), length, access)
  }

  #locateWord(area: Area, offset: number, width: number, access: 'read' | 'write'): number {
    const target: AnyArea = this.#areas.get(area)
    const place = this.#areas.locate(target, checkCount(offset, 'offset'), width, access)
    if (offset % width === 0) return place
    throw new ProbarError(
      'region-misaligned',
      `offset ${hex(offset)} is not a multiple of the access width of ${width}`,
    )
  }

  #needsAddon(what: string): ProbarError {
    return new ProbarError('addon-missing', `${what} without the addon: ${this.#addonProblem}`)
  }
}

function newBytes(length: number): Uint8Array {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new ProbarError('out-of-memory', `JavaScript has no array of ${length} bytes: read less at once`, { cause })
  }
}
