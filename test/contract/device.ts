import { describe, it } from '@jest/globals'
import { type Bench, type Check, setBusMaster } from './bench.ts'
import { closingChecks } from './checks/closing.ts'
import { interruptChecks } from './checks/interrupts.ts'
import { mappingChecks } from './checks/mappings.ts'
import { registerChecks } from './checks/registers.ts'
import { transferChecks } from './checks/transfers.ts'

export type { Bench, Check } from './bench.ts'

/**
 * What every back end must do when it presents QEMU's edu device: no virtual time is assumed, and the fault log is
 * watched once only, because a platform may need seconds for it.
 */
export const deviceChecks: readonly Check[] = [
  ...registerChecks,
  ...mappingChecks,
  ...transferChecks,
  ...interruptChecks,
  ...closingChecks,
]

/** Runs one check on a bench of its own, with bus mastering on. Rejects when the device does not do what the check says. */
export async function runCheck(check: Check, open: () => Promise<Bench>): Promise<void> {
  const bench = await open()
  try {
    setBusMaster(bench, true)
    await check.run(bench)
  } finally {
    await bench.close()
  }
}

/** @param open opens the device anew, for each check */
export function describeDeviceContract(name: string, open: () => Promise<Bench>): void {
  describe(`device contract: ${name}`, () => {
    it.each(deviceChecks.map((check) => [check.name, check] as const))(
      '%s',
      (_, check) => runCheck(check, open),
      60_000,
    )
  })
}
