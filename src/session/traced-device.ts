import { codeOf } from '../base/errors.ts'
import type { Device, Region } from '../device/contract.ts'
import type { Witness } from '../record/schema.ts'
import { type Call, type Trace, watched } from './trace.ts'

/**
 * The device with every operation written down, and who stands behind each: on a model nobody but Probar; on hardware
 * the kernel for what the kernel did, the device for what only the device can have answered.
 */
export function traceDevice(device: Device, trace: Trace): Device {
  if (device.substance === 'model') return watchParts(device, trace, () => 'model')
  const triggered = new Set<unknown>()
  const judges: Record<Part, (call: Call) => Witness> = {
    region: judgeRegister,
    dma: judgeDma,
    mapping: () => 'kernel',
    interrupts: (call) => judgeInterrupt(call, triggered),
    faults: ({ result }) => (result === undefined ? 'model' : 'kernel'),
    config: () => 'kernel',
    device: () => 'kernel',
  }
  return watchParts(device, trace, (part, call) => judges[part](call))
}

type Part = 'region' | 'dma' | 'mapping' | 'interrupts' | 'faults' | 'config' | 'device'

function watchParts(device: Device, trace: Trace, judge: (part: Part, call: Call) => Witness): Device {
  const watch = <T extends object>(name: string, part: Part, target: T, wrap?: (result: unknown) => unknown): T =>
    watched(target, { name, trace, judge: (call) => judge(part, call), ...(wrap === undefined ? {} : { wrap }) })
  const wrapWith =
    (name: string, part: Part) =>
    (result: unknown): unknown =>
      typeof result === 'object' && result !== null ? watch(name, part, result) : result
  const region = (bar: Region): Region =>
    watch(`bar${bar.index}`, 'region', bar, wrapWith(`bar${bar.index}.view`, 'region'))
  const parts = {
    config: watch('config', 'config', device.config),
    regions: device.regions.map(region),
    dma: watch('dma', 'dma', device.dma, wrapWith('mapping', 'mapping')),
    interrupts: watch('interrupts', 'interrupts', device.interrupts),
    faults: watch('faults', 'faults', device.faults, wrapWith('faults', 'faults')),
  }
  return new Proxy(watch('device', 'device', device), {
    get: (target, key) => (key in parts ? Reflect.get(parts, key) : Reflect.get(target, key, target)),
  })
}

/** A read that came back with anything but all ones was answered by the device; a store is answered by nobody. */
function judgeRegister({ method, result }: Call): Witness {
  const width = /^read(8|16|32|64)$/.exec(method)?.[1]
  if (width === undefined || (typeof result !== 'number' && typeof result !== 'bigint')) return 'model'
  return BigInt(result) === (1n << BigInt(width)) - 1n ? 'model' : 'device'
}

/** A mapping that was made, or that the kernel refused; what Probar refused by itself shows nothing. */
function judgeDma({ error }: Call): Witness {
  const code = codeOf(error)
  return error === undefined || code === 'dma-overlap' || code === 'dma-entries-exhausted' ? 'kernel' : 'model'
}

/** An interrupt that nobody triggered by software came from the device. */
function judgeInterrupt({ method, args, result }: Call, triggered: Set<unknown>): Witness {
  if (method === 'trigger') triggered.add(args[0])
  if (method === 'enable') triggered.clear()
  const arrived = (method === 'wait' || method === 'count') && typeof result === 'number' && result > 0
  return arrived && !triggered.has(args[0]) ? 'device' : 'kernel'
}
