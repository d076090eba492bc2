import { join } from 'node:path'
import { takeGroup } from '../../../src/host/linux/taking/take.ts'
import { loadNative } from '../../../src/native/load.ts'
import { NIC } from '../../unit/host/taking/machine.ts'
import { slowKernel } from './slow-kernel.ts'

/**
 * A process that takes the group of the fake machine and gives it back, again and again, or holds it, until it is killed.
 * Says `ready`, and `holding` each time that it has it. Arguments: the machine's bus, its folder, `cycle` or `hold`.
 */
const [, , bus = '', folder = '', mode] = process.argv
const places = {
  bus,
  leases: join(folder, 'leases'),
  journals: [join(folder, 'journals')],
  bootIdFile: join(folder, 'boot_id'),
  processes: join(folder, 'proc'),
  write: slowKernel(bus),
  loadModule: () => undefined,
  refuseUse: () => undefined,
  guardianModule: new URL('./after-death.js', import.meta.url).href,
  now: () => new Date(),
}
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const { locks } = loadNative({ hideAddon: true })
say('ready')
/** What `mode` is about: once, for long, or again and again, for a moment. */
const [times, ms] = mode === 'hold' ? [1, 60_000] : [1000, 2]
for (let time = 0; time < times; time++) {
  const taken = await takeGroup(NIC, { locks, purpose: `holder ${process.pid}`, places, waitMs: 60_000 })
  say('holding')
  await new Promise((resolve) => setTimeout(resolve, ms))
  await taken[Symbol.asyncDispose]()
}
