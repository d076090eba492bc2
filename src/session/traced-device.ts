import { OsError } from '../base/errors.ts'
import type { Device, Region } from '../device/contract.ts'
import { type Width, allOnes } from '../device/register-access.ts'
import { RegisterProgramError } from '../device/register-program/outcome.ts'
import { RegisterProgram } from '../device/register-program/program.ts'
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
    notices: judgeKernel,
    config: judgeKernel,
    device: (call) => (call.method === 'reset' ? judgeKernel(call) : 'model'),
  }
  return watchParts(device, trace, (part, call) => judges[part](call))
}

type Part = 'region' | 'dma' | 'mapping' | 'interrupts' | 'faults' | 'notices' | 'config' | 'device'

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
    notices: watch('notices', 'notices', device.notices),
  }
  return new Proxy(watch('device', 'device', device), {
    get: (target, key) => (Object.hasOwn(parts, key) ? Reflect.get(parts, key) : Reflect.get(target, key, target)),
  })
}

/**
 * A read that came back with anything but all ones was answered by the device, also one of a block or of a program that
 * stopped later; a store is answered by nobody.
 */
function judgeRegister(call: Call): Witness {
  const { method, args, result, error } = call
  if (method === 'run') return judgeProgram(call)
  if (method === 'readBlock') return error === undefined && answered(args[1]) ? 'device' : 'model'
  const bits = /^read(8|16|32|64)$/.exec(method)?.[1]
  if (bits === undefined || (typeof result !== 'number' && typeof result !== 'bigint')) return 'model'
  return BigInt(result) === allOnes((Number(bits) / 8) as Width) ? 'model' : 'device'
}

function judgeProgram({ args: [program], result, error }: Call): Witness {
  const values = error instanceof RegisterProgramError ? error.values : result
  if (!(program instanceof RegisterProgram) || !(values instanceof BigUint64Array)) return 'model'
  return values.some((value, index) => value !== allOnes(program.widths[index] ?? 8)) ? 'device' : 'model'
}

/** Anything but all ones is among what a block read. */
function answered(block: unknown): boolean {
  if (block instanceof BigUint64Array) return block.some((value) => value !== allOnes(8))
  if (block instanceof Uint8Array || block instanceof Uint16Array || block instanceof Uint32Array) {
    const ones = Number(allOnes(block.BYTES_PER_ELEMENT as Width))
    return block.some((value) => value !== ones)
  }
  return false
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
