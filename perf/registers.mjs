// What register accesses cost against plain C, in the same run on the same machine.
//
//     npm run perf                                                       over a page of memory
//     npx probar lab run -- node perf/registers.mjs 0000:01:00.0         over BAR 0 of edu, in the virtual bench
//
// Memory answers at once, so the ratios there are the costs of the crossing and of the checks, at their worst; a device
// takes so long to answer that little of them is left. Needs a build, the addon and a C compiler.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProgramStatus, REPORT_HEADER, ReportWord } from '../dist/native/register-surface.js'
import { loadNative } from '../dist/native/load.js'
import { openSession, registerProgram } from '../dist/index.js'

const ROUNDS = 60
const WORDS = 32
const address = process.argv[2]
// Short rounds, many of them: where processors are shared, some are undisturbed.
const accesses = address === undefined ? 20_000 : 1000

const steps = registerProgram()
for (let time = 0; time < 20; time++) {
  steps
    .write(32, 4, 0x1234_5678)
    .read(32, 0)
    .modify(32, 4, { mask: 0xff, value: 0x21 })
    .poll(32, 0, { mask: 0, value: 0, timeoutMs: 1 })
}
const program = steps.build()
/** Accesses of a run; a modification is two. */
const PROGRAM_ACCESSES = 100

// First, because the kernel keeps the resource file of a BAR that VFIO has in use.
const reference = inC()
const ours = address === undefined ? onMemory() : await onDevice()
process.stdout.write('ns for an access    C      Probar   ratio\n')
for (const [name, title] of [
  ['single', 'one a call'],
  ['block', `block of ${WORDS}`],
  ['program', `program of ${program.steps.length} steps`],
]) {
  const [plain, own] = [reference[name], ours[name]]
  const cells = [plain.toFixed(2).padStart(8), own.toFixed(2).padStart(9), (own / plain).toFixed(1).padStart(7)]
  process.stdout.write(`${title.padEnd(19)}${cells.join(' ')}\n`)
}

function inC() {
  const folder = mkdtempSync(join(tmpdir(), 'probar-perf-'))
  try {
    const binary = join(folder, 'registers')
    execFileSync('cc', ['-O2', '-o', binary, join(import.meta.dirname, 'registers.c')], { stdio: 'inherit' })
    const file = address === undefined ? [] : [decodedBar()]
    return JSON.parse(execFileSync(binary, [String(accesses), ...file], { encoding: 'utf8' }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The resource file of BAR 0, after memory decoding was turned on. */
function decodedBar() {
  const folder = `/sys/bus/pci/devices/${address}`
  const config = openSync(`${folder}/config`, 'r+')
  const command = new Uint8Array(1)
  readSync(config, command, 0, 1, 4)
  writeSync(config, Uint8Array.of(command[0] | 2), 0, 1, 4)
  closeSync(config)
  return `${folder}/resource0`
}

function onMemory() {
  const { memory, vfio, addonProblem } = loadNative()
  if (vfio === undefined) throw new Error(`there is nothing to measure without the addon: ${addonProblem}`)
  const page = memory.createMemory(4096)
  const words = new Uint32Array(WORDS)
  const report = new BigUint64Array(REPORT_HEADER + program.widths.length)
  return measure({
    value: () => memory.load32(page, 0),
    single: () => memory.load32(page, 0),
    block: () => vfio.loadBlock(page, 0, words, false),
    program: () => {
      vfio.runProgram(page, program.words, report)
      if (report[ReportWord.status] !== ProgramStatus.done) throw new Error('the program did not get to its end')
    },
  })
}

async function onDevice() {
  const session = await openSession({ device: address })
  try {
    const [bar] = session.device.regions
    const words = new Uint32Array(WORDS)
    const calls = {
      value: () => bar.read32(0),
      single: () => bar.read32(0),
      block: () => bar.readBlock(0, words),
      program: () => bar.run(program),
    }
    return measure(calls)
  } finally {
    await session.close()
  }
}

/** Nanoseconds for an access, the best of ROUNDS. */
function measure({ value, single, block, program: run }) {
  const read = value()
  if (read !== reference.value) throw new Error(`C read ${reference.value}, Probar ${read}: not the same register`)
  return { single: best(single, 1), block: best(block, WORDS), program: best(run, PROGRAM_ACCESSES) }
}

function best(act, size) {
  let least = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let done = 0; done < accesses; done += size) act()
    least = Math.min(least, ((performance.now() - start) * 1e6) / accesses)
  }
  return least
}
