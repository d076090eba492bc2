import { OsError } from '../base/errors.ts'
import type { Device, Region } from '../device/contract.ts'
import type { Witness } from '../record/schema.ts'
import { type Call, type Trace, watched } from './trace.ts'

/**
 * The device with every operation written down, and who stands behind each: on a model nobody but Probar; on hardware
 * the kernel for what the kernel did, the device for what only the device can have answered. In doubt it is the weaker.
 * @param triggered vectors that software raised since they were enabled; shared by all who follow the same device
 */
export function traceDevice(device: Device, trace: Trace, triggered: Set<unknown> = new Set()): Device {
  if (device.substance === 'model') return watchParts(device, trace, () => 'model')
  // Without an IOMMU nothing is mapped: no kernel is asked.
  const judgeMapping = device.dma.capabilities.placement === 'identity' ? (): Witness => 'model' : judgeKernel
  const judges: Record<Part, (call: Call) => Witness> = {
    region: judgeRegister,
    dma: judgeMapping,
    mapping: judgeMapping,
    interrupts: (call) => judgeInterrupt(call, triggered),
    faults: judgeFault,
    config: judgeKernel,
    device: (call) => (call.method === 'reset' ? judgeKernel(call) : 'model'),
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
    get: (target, key) => (Object.hasOwn(parts, key) ? Reflect.get(parts, key) : Reflect.get(target, key, target)),
  })
}

/** A read that came back with anything but all ones was answered by the device; a store is answered by nobody. */
function judgeRegister({ method, result }: Call): Witness {
  const width = /^read(8|16|32|64)$/.exec(method)?.[1]
  if (width === undefined || (typeof result !== 'number' && typeof result !== 'bigint')) return 'model'
  return BigInt(result) === (1n << BigInt(width)) - 1n ? 'model' : 'device'
}

/** What the kernel did, or refused by a system call that failed; what Probar refused by itself shows nothing. */
function judgeKernel({ error }: Call): Witness {
  return error === undefined || error instanceof OsError ? 'kernel' : 'model'
}

/** A fault that the kernel reported. That a watch began, or saw none, shows nothing. */
function judgeFault({ method, result }: Call): Witness {
  return method === 'next' && result !== undefined ? 'kernel' : 'model'
}

/** An interrupt that nobody triggered by software came from the device. That none came is Probar's own count. */
function judgeInterrupt(call: Call, triggered: Set<unknown>): Witness {
  const { method, args, result, error } = call
  switch (method) {
    case 'wait':
    case 'count':
      if (typeof result !== 'number' || result <= 0) return 'model'
      return triggered.has(args[0]) ? 'kernel' : 'device'
    case 'trigger':
      triggered.add(args[0])
      return judgeKernel(call)
    case 'enable':
      // A refused one leaves the counts as they were, software's own among them.
      if (error === undefined) triggered.clear()
      return judgeKernel(call)
    default:
      return 'model'
  }
}
