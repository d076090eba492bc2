// What the element list of a gigabyte of scattered frames costs against a plain C loop over the same segments, and, apart
// from it, what GetScatterGatherList costs in all on the loopback, where the frames are mapped for the device one by one.
//
//     npm run perf
//
// Needs a build, the addon, a C compiler and 1.3 GiB of memory.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { physicalAddress, va } from '../dist/base/address.js'
import { KIRQL, MM_ALLOCATE } from '../dist/ddi/constants.js'
import { DEVICE_DESCRIPTION } from '../dist/ddi/layout/x64.js'
import { openSession } from '../dist/index.js'

const ROUNDS = 40
const PAGES = 2 ** 18
const PAGE = 4096
const ELEMENT = 24
/** As the reference has them: no limit but the element's own. */
const [LONGEST, BOUNDARY] = [0xffff_ffff, 0]

const session = await openSession({
  device: `loopback:edu?dma_mask=0xffffffffffffffff&entries=${2 * PAGES}`,
  profile: 'qemu-edu-64',
  frames: PAGES + 40_000,
  poolPages: 8192,
})
try {
  if (session.addonProblem !== undefined)
    throw new Error(`nothing to measure without the addon: ${session.addonProblem}`)
  const mdl = allocate()
  const segments = segmentsOf(mdl)
  const [reference, ours] = [inC(segments), own(segments)]
  if (reference.elements !== ours.elements || reference.sum !== ours.sum) {
    throw new Error(`C built ${reference.elements} elements, Probar ${ours.elements}: not the same list`)
  }
  const cells = [reference.ms.toFixed(2), ours.ms.toFixed(2), (ours.ms / reference.ms).toFixed(2)]
  print('ms, 1 GiB of scattered frames', ['C', 'Probar', 'ratio'])
  print(`list of ${ours.elements} elements`, cells)
  const { get, put } = whole(mdl)
  print('GetScatterGatherList, whole', ['', get.toFixed(0), ''])
  print('PutScatterGatherList, whole', ['', put.toFixed(0), ''])
  session.ddi.mm.MmFreePagesFromMdl(mdl)
  session.ddi.mm.ExFreePool(mdl)
} finally {
  await session.close()
}

function print(title, cells) {
  process.stdout.write(`${title.padEnd(32)}${cells.map((cell) => cell.padStart(9)).join('')}\n`)
}

function allocate() {
  const [none, all] = [physicalAddress(0n), physicalAddress(2n ** 64n - 1n)]
  const flags = MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION
  return session.ddi.mm.MmAllocatePagesForMdlEx(none, all, none, PAGES * PAGE, 1, flags)
}

/** Where the pages of the MDL come to lie on the bus. */
function segmentsOf(mdl) {
  const indices = session.ddi.mm.framesOf('perf', mdl)
  if (indices.length !== PAGES) throw new Error(`the MDL has ${indices.length} pages, not ${PAGES}`)
  const mapping = session.device.dma.map({ memory: session.frames, indices }, 'read')
  mapping.unmap()
  return mapping.segments
}

function inC({ bus, lengths }) {
  const folder = mkdtempSync(join(tmpdir(), 'probar-perf-'))
  try {
    const [binary, file] = [join(folder, 'element-list'), join(folder, 'segments')]
    execFileSync('cc', ['-O2', '-o', binary, join(import.meta.dirname, 'element-list.c')], { stdio: 'inherit' })
    writeFileSync(file, wordsOf(bus, lengths))
    return JSON.parse(execFileSync(binary, [file, String(ROUNDS)], { encoding: 'utf8' }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function wordsOf(bus, lengths) {
  const words = new BigUint64Array(1 + 2 * bus.length)
  words[0] = BigInt(bus.length)
  words.set(bus, 1)
  words.set(BigUint64Array.from(lengths, BigInt), 1 + bus.length)
  return words
}

/** Counts, then writes into a block of the pool, as the adapter does. */
function own({ bus, lengths, size }) {
  const { pool } = session.kernel
  const { native } = session.frames
  const block = pool.allocate(bus.length * ELEMENT)
  const target = new Uint8Array(block.data.buffer, block.data.byteOffset, block.data.byteLength)
  const none = new Uint8Array()
  let least = Infinity
  let elements = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    elements = native.writeElements(none, bus, lengths, 0, size, LONGEST, BOUNDARY)
    native.writeElements(target, bus, lengths, 0, size, LONGEST, BOUNDARY)
    least = Math.min(least, performance.now() - start)
  }
  const sum = fnv(new BigUint64Array(target.buffer, target.byteOffset, elements * 3))
  pool.free(block.address)
  return { elements, sum: String(sum), ms: least }
}

/** FNV-1a over the words, as the reference has it. */
function fnv(words) {
  return words.reduce((hash, word) => BigInt.asUintN(64, (hash ^ word) * 0x100000001b3n), 0xcbf29ce484222325n)
}

/** Milliseconds of the DDIs, the best of three; a list of the whole MDL at DISPATCH_LEVEL. */
function whole(mdl) {
  const { kernel, ddi } = session
  const adapter = ddi.dma.IoGetDmaAdapter(undefined, describe(), {})
  const least = { get: Infinity, put: Infinity }
  kernel.at(KIRQL.DISPATCH_LEVEL, () => {
    for (let round = 0; round < 3; round++) {
      let list
      const keep = (device, irp, given) => void (list = given)
      const start = performance.now()
      const status = adapter.GetScatterGatherList(undefined, mdl, va(0n), PAGES * PAGE, keep, undefined, true)
      const got = performance.now()
      if (status !== 0) throw new Error(`GetScatterGatherList returned 0x${status.toString(16)}`)
      adapter.PutScatterGatherList(list, true)
      least.get = Math.min(least.get, got - start)
      least.put = Math.min(least.put, performance.now() - got)
    }
  })
  ddi.dma.PutDmaAdapter(adapter)
  return least
}

function describe() {
  const description = session.kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
  const members = { Version: 3, Master: 1, ScatterGather: 1, InterfaceType: 5, DmaAddressWidth: 64 }
  for (const [name, value] of Object.entries(members)) description.set(name, value)
  description.set('MaximumLength', PAGES * PAGE)
  return description
}
