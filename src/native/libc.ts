import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import type * as koffiModule from 'koffi'
import { ProbarError } from '../base/errors.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import { memoryCallError } from './errors.ts'

/** The memory calls of the C library that Probar makes through koffi. Addresses are numbers. */
export interface Libc {
  /** A descriptor of an anonymous file of `bytes` zeros. */
  createFile(bytes: number): number
  closeFile(file: number): void
  /** Maps the file shared, anywhere, or exactly at `place` instead of what is there. */
  mapFile(file: number, offset: number, bytes: number, protection: number, place?: number): number
  /** Reserves address space, anywhere, or exactly at `place` instead of what is there. */
  reserve(bytes: number, place?: number): number
  unmap(address: number, bytes: number): void
  protect(address: number, bytes: number, protection: number): void

  copyOut(target: Uint8Array, source: number): void
  copyIn(target: number, source: Uint8Array): void
  /** Handles overlap. */
  move(target: number, source: number, bytes: number): void
  fill(target: number, byte: number, bytes: number): void
  equal(left: number, right: Uint8Array, bytes: number): boolean
  /** The memory as an ArrayBuffer. It can't be detached, so the memory must stay mapped. */
  buffer(address: number, bytes: number): ArrayBuffer
}

type Koffi = typeof koffiModule
type Library = ReturnType<Koffi['load']>

const MAP_SHARED = 1
const MAP_PRIVATE = 2
const MAP_FIXED = 0x10
const MFD_CLOEXEC = 1

/** MAP_ANONYMOUS and MAP_NORESERVE differ (sys/mman.h of each). */
const PLATFORMS = new Map([
  ['linux', { anonymous: 0x20, noReserve: 0x4000 }],
  ['darwin', { anonymous: 0x1000, noReserve: 0x40 }],
])

/**
 * @param addonProblem why the addon is not in use; part of the message when this cannot be used either
 * @throws ProbarError addon-missing on a platform without this path, capability-missing when pages are not 4 KiB
 */
export function loadLibc(addonProblem: string): Libc {
  const flags = PLATFORMS.get(process.platform)
  if (flags === undefined) {
    throw new ProbarError(
      'addon-missing',
      `${addonProblem}; and the path without it is not there yet on ${process.platform}: use Linux or macOS`,
    )
  }
  const koffi = loadKoffi(addonProblem)
  // The process itself: whatever C library Node was linked with.
  const library = koffi.load(null)
  requirePageSize(library)
  const fail = (what: string, syscall: string): never => {
    throw memoryCallError(what, koffi.errno(), syscall)
  }
  return { ...files(library, fail), ...mappings(library, flags, fail), ...blocks(library, koffi) }
}

/** @throws ProbarError addon-missing */
export function loadKoffi(addonProblem: string): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new ProbarError('addon-missing', `${addonProblem}; and koffi cannot be loaded (${reason}): run npm install`, {
      cause,
    })
  }
}

function requirePageSize(library: Library): void {
  const pageSize = (library.func('getpagesize', 'int', []) as () => number)()
  if (pageSize !== PAGE_SIZE) {
    throw new ProbarError(
      'capability-missing',
      `this system has pages of ${pageSize} bytes; frames of ${PAGE_SIZE} bytes cannot be mapped one by one here`,
    )
  }
}

type Fail = (what: string, syscall: string) => never

function files(library: Library, fail: Fail): Pick<Libc, 'createFile' | 'closeFile'> {
  const ftruncate = library.func('ftruncate', 'int', ['int', 'int64_t']) as (file: number, bytes: number) => number
  const close = library.func('close', 'int', ['int']) as (file: number) => number
  const open = process.platform === 'linux' ? memoryFile(library, fail) : temporaryFile(library, fail)
  return {
    createFile(bytes) {
      const file = open()
      if (ftruncate(file, bytes) === 0) return file
      try {
        return fail(`memory for frames cannot have ${bytes} bytes`, 'ftruncate')
      } finally {
        close(file)
      }
    },
    closeFile: (file) => void close(file),
  }
}

function memoryFile(library: Library, fail: Fail): () => number {
  const create = library.func('memfd_create', 'int', ['str', 'uint']) as (name: string, flags: number) => number
  return () => {
    const file = create('probar', MFD_CLOEXEC)
    return file < 0 ? fail('memory for frames cannot be created', 'memfd_create') : file
  }
}

/** macOS has no memfd_create. Never run so far: there was no such machine. */
function temporaryFile(library: Library, fail: Fail): () => number {
  const make = library.func('mkstemp', 'int', ['void *']) as (template: Uint8Array) => number
  const unlink = library.func('unlink', 'int', ['void *']) as (path: Uint8Array) => number
  return () => {
    const path = new TextEncoder().encode(`${tmpdir()}/probar-XXXXXX\0`)
    const file = make(path)
    if (file < 0) fail('memory for frames cannot be created', 'mkstemp')
    unlink(path)
    return file
  }
}

function mappings(
  library: Library,
  flags: { readonly anonymous: number; readonly noReserve: number },
  fail: Fail,
): Pick<Libc, 'mapFile' | 'reserve' | 'unmap' | 'protect'> {
  const mmap = library.func('mmap', 'intptr_t', ['intptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']) as (
    place: number,
    bytes: number,
    protection: number,
    flags: number,
    file: number,
    offset: number,
  ) => number
  const munmap = library.func('munmap', 'int', ['intptr_t', 'size_t']) as (address: number, bytes: number) => number
  const mprotect = library.func('mprotect', 'int', ['intptr_t', 'size_t', 'int']) as (
    address: number,
    bytes: number,
    protection: number,
  ) => number
  const fixed = (place: number): number => (place === 0 ? 0 : MAP_FIXED)
  const reserved = MAP_PRIVATE | flags.anonymous | flags.noReserve
  return {
    mapFile(file, offset, bytes, protection, place = 0) {
      const address = mmap(place, bytes, protection, MAP_SHARED | fixed(place), file, offset)
      return address === -1 ? fail('frames cannot be mapped', 'mmap') : address
    },
    reserve(bytes, place = 0) {
      const address = mmap(place, bytes, 0, reserved | fixed(place), -1, 0)
      return address === -1 ? fail('address space cannot be reserved', 'mmap') : address
    },
    unmap(address, bytes) {
      if (munmap(address, bytes) !== 0) fail('memory cannot be unmapped', 'munmap')
    },
    protect(address, bytes, protection) {
      if (mprotect(address, bytes, protection) !== 0) fail('the protection cannot be changed', 'mprotect')
    },
  }
}

type Blocks = Pick<Libc, 'copyOut' | 'copyIn' | 'move' | 'fill' | 'equal' | 'buffer'>

function blocks(library: Library, koffi: Koffi): Blocks {
  const copyOut = library.func('memcpy', 'intptr_t', ['void *', 'intptr_t', 'size_t']) as (
    target: Uint8Array,
    source: number,
    bytes: number,
  ) => number
  const copyIn = library.func('memmove', 'intptr_t', ['intptr_t', 'void *', 'size_t']) as (
    target: number,
    source: Uint8Array,
    bytes: number,
  ) => number
  const move = library.func('memmove', 'intptr_t', ['intptr_t', 'intptr_t', 'size_t']) as (
    target: number,
    source: number,
    bytes: number,
  ) => number
  const fill = library.func('memset', 'intptr_t', ['intptr_t', 'int', 'size_t']) as (
    target: number,
    byte: number,
    bytes: number,
  ) => number
  const compare = library.func('memcmp', 'int', ['intptr_t', 'void *', 'size_t']) as (
    left: number,
    right: Uint8Array,
    bytes: number,
  ) => number
  return {
    copyOut: (target, source) => void copyOut(target, source, target.length),
    copyIn: (target, source) => void copyIn(target, source, source.length),
    move: (target, source, bytes) => void move(target, source, bytes),
    fill: (target, byte, bytes) => void fill(target, byte, bytes),
    equal: (left, right, bytes) => compare(left, right, bytes) === 0,
    buffer: (address, bytes) => koffi.view(BigInt(address), bytes),
  }
}
