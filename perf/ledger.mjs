// What the ledger's and the shadow records' checks cost of a DDI call: the same calls, and the same with nothing in place of
// the checks. Production code has no switch for that; a process of its own replaces the methods before it begins.
//
//     npm run perf
//
// Calls go through a session, as a program's do, over the loopback. Needs a build.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { physicalAddress, va } from '../dist/base/address.js'
import { KIRQL, LOCK_OPERATION, POOL_FLAG } from '../dist/ddi/constants.js'
import { Kernel } from '../dist/ddi/kernel/kernel.js'
import { DEVICE_DESCRIPTION } from '../dist/ddi/layout/x64.js'
import { MdlSeal } from '../dist/ddi/mm/mdl-seal.js'
import { MdlShadows } from '../dist/ddi/mm/mdl-shadows.js'
import { openSession } from '../dist/index.js'

const PROCESSES = 10
const ROUNDS = 200
/** Short rounds, many of them: where processors are shared, some are undisturbed. */
const ROUND_MS = 1
const PAGE = 4096
const PAGES = 16
const TAG = 0x66726570
const NULL = va(0n)

const mode = process.argv[2]
if (mode === undefined) compare()
else {
  if (mode === 'bare') removeChecks()
  process.stdout.write(JSON.stringify(await measure()))
}

/** Takes turns, because the machine is faster at one time than at another; the best of each counts. */
function compare() {
  const best = { checked: {}, bare: {} }
  for (let turn = 0; turn < PROCESSES; turn++) {
    for (const [kind, least] of Object.entries(best)) {
      const measured = JSON.parse(
        execFileSync(process.execPath, [fileURLToPath(import.meta.url), kind], { encoding: 'utf8' }),
      )
      for (const [name, ns] of Object.entries(measured)) least[name] = Math.min(least[name] ?? Infinity, ns)
    }
  }
  print(`ns, MDLs of ${PAGES} pages`, ['bare', 'checked', 'checks'])
  for (const [name, checked] of Object.entries(best.checked)) {
    const bare = best.bare[name]
    print(name, [bare.toFixed(0), checked.toFixed(0), `${(((checked - bare) / checked) * 100).toFixed(1)} %`])
  }
}

function print(title, cells) {
  process.stdout.write(`${title.padEnd(46)}${cells.map((cell) => cell.padStart(9)).join('')}\n`)
}

/** What a Windows without Driver Verifier would have: the record is looked up, and nothing is asked of it. */
function removeChecks() {
  const nothing = () => undefined
  const find = function (routine, mdl) {
    return this.find(mdl)
  }
  replace(Kernel, { requireIrql: nothing })
  replace(MdlShadows, { check: find, known: find })
  replace(MdlSeal, { header: nothing, all: nothing, brokenHeader: nothing, brokenPages: nothing })
}

function replace({ name, prototype }, methods) {
  for (const [method, by] of Object.entries(methods)) {
    if (typeof prototype[method] !== 'function')
      throw new Error(`${name} has no ${method} any more: replace what it has`)
    prototype[method] = by
  }
}

async function measure() {
  const session = await openSession({ device: 'loopback:edu' })
  try {
    return Object.fromEntries(calls(session).map(([name, act]) => [name, best(act)]))
  } finally {
    await session.close()
  }
}

/** Nanoseconds of one, the best of ROUNDS. */
function best(act) {
  let count = 1
  while (timed(act, count) < ROUND_MS) count *= 2
  let least = Infinity
  for (let round = 0; round < ROUNDS; round++) least = Math.min(least, timed(act, count))
  return (least * 1e6) / count
}

function timed(act, count) {
  const start = performance.now()
  for (let done = 0; done < count; done++) act()
  return performance.now() - start
}

/** Pairs that leave everything as it was. */
function calls({ ddi, kernel, device }) {
  const { mm, io, dma } = ddi
  const [low, high] = [physicalAddress(0n), physicalAddress(2n ** 64n - 1n)]
  const allocate = () => mm.MmAllocatePagesForMdlEx(low, high, low, PAGES * PAGE, 1, 0)
  const free = (mdl) => {
    mm.MmFreePagesFromMdl(mdl)
    mm.ExFreePool(mdl)
  }
  const map = (mdl) => mm.MmMapLockedPagesSpecifyCache(mdl, 0, 1, NULL, false, 16)
  const [mapped, unmapped] = [allocate(), allocate()]
  map(mapped)
  const part = io.IoAllocateMdl(NULL, PAGES * PAGE, false, false, null)
  const buffer = mm.ExAllocatePool2(POOL_FLAG.POOL_FLAG_PAGED, PAGES * PAGE, TAG)
  const lockable = io.IoAllocateMdl(buffer, PAGES * PAGE, false, false, null)
  const lock = () => {
    mm.MmProbeAndLockPages(lockable, 0, LOCK_OPERATION.IoWriteAccess)
    mm.MmUnlockPages(lockable)
  }
  const adapter = dma.IoGetDmaAdapter(undefined, describe(kernel, device), {})
  const listed = () => {
    const keep = (deviceObject, irp, list) => adapter.PutScatterGatherList(list, true)
    adapter.GetScatterGatherList(undefined, unmapped, NULL, PAGES * PAGE, keep, undefined, true)
  }
  return [
    ['MmGetSystemAddressForMdlSafe, mapped', () => mm.MmGetSystemAddressForMdlSafe(mapped, 16)],
    ['IoAllocateMdl, IoFreeMdl', () => io.IoFreeMdl(io.IoAllocateMdl(NULL, PAGES * PAGE, false, false, null))],
    ['IoBuildPartialMdl', () => io.IoBuildPartialMdl(unmapped, part, NULL, PAGES * PAGE)],
    ['MmProbeAndLockPages, MmUnlockPages', lock],
    ['MmMapLockedPagesSpecifyCache, MmUnmapLockedPages', () => mm.MmUnmapLockedPages(map(unmapped), unmapped)],
    ['MmAllocatePagesForMdlEx, MmFreePagesFromMdl', () => free(allocate())],
    ['GetScatterGatherList, PutScatterGatherList', () => kernel.at(KIRQL.DISPATCH_LEVEL, listed)],
  ]
}

function describe(kernel, device) {
  const description = kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
  const { addressBits } = device.dma.capabilities
  const members = { Version: 3, Master: 1, ScatterGather: 1, InterfaceType: 5, DmaAddressWidth: addressBits }
  for (const [name, value] of Object.entries(members)) description.set(name, value)
  description.set('MaximumLength', PAGES * PAGE)
  return description
}
