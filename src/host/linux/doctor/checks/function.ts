import type { DeviceFacts } from '../device-facts.ts'
import { EVERY_WAY, type Finding, asRoot } from '../finding.ts'

/** What the kernel calls its ways of resetting, in words. */
const RESETS: Readonly<Record<string, string>> = {
  device_specific: 'in its own way',
  acpi: 'by firmware',
  flr: 'by FLR',
  af_flr: 'by FLR (Advanced Features)',
  pm: 'by its power state',
  bus: 'by its bus',
  cxl_bus: 'by its CXL bus',
}

export function resetFinding({ resets }: DeviceFacts): Finding {
  const base = {
    check: 'reset',
    title: 'Reset',
    why: 'A reset ends what an earlier user left running in the device.',
    mend: [],
    ways: EVERY_WAY,
  }
  if (resets.length === 0) {
    const found = 'none of its own: what an earlier run left in it stays, unless its whole slot can be reset'
    return { ...base, state: 'warn', found }
  }
  const words = resets.map((method) => RESETS[method] ?? method)
  return { ...base, state: 'ok', found: words.join(', or ') }
}

export function powerFinding({ powerState, runtimeStatus, fn }: DeviceFacts): Finding {
  const base = {
    check: 'power',
    title: 'Power',
    why: 'A device that sleeps does not answer; opening it wakes it.',
    ways: EVERY_WAY,
    mend: [],
    short: 'power error',
  }
  const folder = `/sys/bus/pci/devices/${fn.address}/power`
  if (runtimeStatus === 'error') {
    return {
      ...base,
      state: 'bad',
      found: 'the kernel could not change its power state',
      mend: asRoot(`echo on > ${folder}/control`),
    }
  }
  if (powerState === undefined || powerState === 'unknown')
    return { ...base, state: 'unknown', found: 'the kernel does not tell' }
  if (powerState === 'D0') return { ...base, state: 'ok', found: 'D0, on' }
  if (fn.driver === 'vfio-pci')
    return { ...base, state: 'ok', found: `${powerState}, as vfio-pci lets it sleep while nobody has it open` }
  return { ...base, state: 'warn', found: `${powerState}, asleep`, mend: asRoot(`echo on > ${folder}/control`) }
}

/** Only where there is something to say. */
export function screenFinding({ bootScreen }: DeviceFacts): Finding | undefined {
  if (!bootScreen) return undefined
  return {
    check: 'screen',
    title: 'Screen',
    state: 'warn',
    found: 'firmware wrote to this graphics card: the screen may stay black from now on',
    why: 'A machine without its screen is mended over the network only.',
    mend: [],
    ways: EVERY_WAY,
  }
}
