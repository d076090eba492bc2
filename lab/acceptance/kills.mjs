// Runs in the bench's guest, on a device that a driver of the kernel has: `node lab/acceptance/kills.mjs DEVICE DRIVER`.
// Probar takes the device for a run and is killed, interrupted and made to wait. Each time the driver must be back, and
// the lease free; both are asked of the kernel (sysfs, flock(1)), not of Probar. Ends with 1 if anything did not hold.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

const [, , device, driver] = process.argv
const ROUNDS = 20
/** One case, for runs that are to end; all of them for runs that are not. */
const QUICK = ['--case', 'dxgk/resources-match-the-bars']
/** The same moments each time, as far as the machine allows. */
const random = generator(0x5eed)
const sysfs = `/sys/bus/pci/devices/${device}`
const group = basename(readlinkSync(`${sysfs}/iommu_group`))
const lease = `/run/probar/group-${group}.lease`
const log = `/run/probar/group-${group}.log`
const probar = join(import.meta.dirname, '../../dist/cli/main.js')
const failures = []

expect(driverNow() === driver, `the driver was ${driverNow()} before anything was done`)
const { taken, whole } = await wholeRun()
let killed = 0
for (let round = 1; killed < ROUNDS && round <= 2 * ROUNDS; round++) killed += await killedRun(round)
expect(killed === ROUNDS, `only ${killed} runs were killed, the others ended before`)
const putBack = (read(log).match(/: back \(/g) ?? []).length
// Else the kills came when nothing was taken, and nothing was shown.
expect(putBack >= ROUNDS / 2, `the guardian put the device back after ${putBack} of ${ROUNDS} kills only`)
await twoAtOnce()
for (const signal of ['SIGINT', 'SIGTERM']) await interrupted(signal)
byHand()

for (const failure of failures) process.stdout.write(`kills: ${failure}\n`)
process.stdout.write(
  `kills: ${ROUNDS} kills in runs that take the device after ${Math.round(taken)} ms, put back by the guardian after ${putBack}; ` +
    `${failures.length} did not hold\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1

/** A run that nobody disturbs: when it takes the device and how long it takes, in ms, is what the moments are chosen by. */
async function wholeRun() {
  const started = performance.now()
  const run = start(QUICK)
  await run.says(`${device} taken from ${driver}`)
  const taken = performance.now() - started
  const status = await run.ended
  expect(status === 0, `a run that nobody disturbed ended with ${status}: ${run.errors()}`)
  expectBack('a run that nobody disturbed')
  return { taken, whole: performance.now() - started }
}

/**
 * Of three rounds one is killed about when it takes the device, two while it has it. Every second round its whole process
 * group is killed, as a runner of continuous integration does it.
 */
async function killedRun(round) {
  const run = start([])
  if (round % 3 === 0) await sleep(taken * (0.6 + 0.4 * random()))
  else await run.says('taken from')
  if (round % 3 !== 0) await sleep(((whole - taken) / 2) * random())
  kill(round % 2 === 0 ? -run.pid : run.pid, 'SIGKILL')
  const wasKilled = (await run.ended) === 'SIGKILL'
  const [seconds] = read('/proc/uptime').split(' ')
  process.stdout.write(
    `round ${round} at ${seconds} s, ${wasKilled ? 'killed' : 'ended before'}; the driver is ${driverNow()}\n`,
  )
  expectBack(`kill ${round}`)
  return wasKilled ? 1 : 0
}

/** The first is stopped while it has the device, so that it has it for as long as the others need. */
async function twoAtOnce() {
  const first = start(QUICK)
  await first.says('taken from')
  kill(first.pid, 'SIGSTOP')
  const second = start(QUICK)
  const status = await second.ended
  expect(status === 3, `the second of two runs ended with ${status}, not 3`)
  const named =
    second.errors().includes(`device-busy`) && second.errors().includes(`held by pid ${first.pid} (probar run`)
  expect(named, `the second of two runs did not name the first (${first.pid}): ${second.errors()}`)
  const third = start([...QUICK, '--wait'])
  await third.says(`waiting for pid ${first.pid}`)
  const fourth = start([...QUICK, '--wait'])
  await fourth.says('waiting for')
  kill(fourth.pid, 'SIGINT')
  expect((await fourth.ended) === 130, 'SIGINT did not end the waiting with 130')
  kill(first.pid, 'SIGCONT')
  expect((await first.ended) === 0, `the first of two runs failed: ${first.errors()}`)
  expect((await third.ended) === 0, `the run that waited failed: ${third.errors()}`)
  expectBack('two runs, one after the other')
}

async function interrupted(signal) {
  const run = start([])
  await run.says('taken from')
  kill(run.pid, signal)
  const status = await run.ended
  expect(status === 130, `${signal} made the run end with ${status}, not 130: ${run.errors()}`)
  expect(driverNow() === driver, `after ${signal} the driver was ${driverNow()} when the run had ended`)
  expectBack(signal)
}

function byHand() {
  const words = (...more) => spawnSync(process.execPath, [probar, ...more, device], { encoding: 'utf8' })
  for (const time of ['first', 'second']) {
    const bound = words('bind')
    expect(bound.status === 0 && driverNow() === 'vfio-pci', `the ${time} probar bind: ${bound.stderr} ${driverNow()}`)
  }
  const run = words('run', ...QUICK, '--device')
  expect(
    run.status === 0 && driverNow() === 'vfio-pci',
    `a run on what was bound by hand: ${run.status} ${driverNow()}`,
  )
  for (const time of ['first', 'second']) {
    const unbound = words('unbind')
    expect(unbound.status === 0, `the ${time} probar unbind ended with ${unbound.status}: ${unbound.stderr}`)
    expectBack(`the ${time} probar unbind`)
  }
}

/** Waits until the lease is free, then looks. */
function expectBack(what) {
  if (existsSync(lease)) {
    const { status } = spawnSync('flock', ['-w', '120', lease, 'true'])
    expect(status === 0, `${what}: the lease was not free after 120 s`)
  }
  expect(driverNow() === driver, `${what}: the driver is ${driverNow()}, not ${driver}; ${read(log)}`)
  const override = readFileSync(`${sysfs}/driver_override`, 'utf8').trim()
  expect(override === '(null)', `${what}: driver_override is ${override}`)
  const journals = existsSync('/var/lib/probar') ? readdirSync('/var/lib/probar') : []
  expect(!journals.some((name) => name.endsWith('.json')), `${what}: there is a journal: ${journals}`)
}

function driverNow() {
  return existsSync(`${sysfs}/driver`) ? basename(readlinkSync(`${sysfs}/driver`)) : 'none'
}

/** A run in a process group of its own. */
function start(more) {
  const words = [probar, 'run', '--device', device, ...more]
  const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  const ended = new Promise((resolve) => child.once('close', (status, signal) => resolve(status ?? signal)))
  const said = async (text) => {
    while (!errors.includes(text) && child.exitCode === null && child.signalCode === null) await sleep(5)
    expect(errors.includes(text), `a run did not say '${text}': ${errors}`)
  }
  return { pid: child.pid, ended, says: said, errors: () => errors.trim() }
}

/** One that has ended by then is as good as killed. */
function kill(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Numbers from 0 to 1 (xorshift). */
function generator(seed) {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

function expect(holds, otherwise) {
  if (!holds) failures.push(otherwise)
}
