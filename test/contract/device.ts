import { describe, expect, it } from '@jest/globals'
import { type Bench, type Check, lacking, type Need, setBusMaster, skipReason } from './bench.ts'
import { apertureChecks } from './checks/apertures.ts'
import { blockChecks } from './checks/blocks.ts'
import { closingChecks } from './checks/closing.ts'
import { interruptChecks } from './checks/interrupts.ts'
import { mappingChecks } from './checks/mappings.ts'
import { programChecks } from './checks/programs.ts'
import { refusalChecks } from './checks/refusals.ts'
import { registerChecks } from './checks/registers.ts'
import { transferChecks } from './checks/transfers.ts'
import { unmappingChecks } from './checks/unmapping.ts'

export type { Bench, Check } from './bench.ts'

/** All that concerns how memory is mapped. */
export const domainChecks: readonly Check[] = [
  ...mappingChecks,
  ...refusalChecks,
  ...apertureChecks,
  ...unmappingChecks,
]

/**
 * What every back end must do when it presents a device; what needs edu's registers or anything else that not every
 * device has says so. No virtual time is assumed, and the fault log is watched once only, because a platform may need
 * seconds for it.
 */
export const deviceChecks: readonly Check[] = [
  ...registerChecks,
  ...blockChecks,
  ...programChecks,
  ...domainChecks,
  ...transferChecks,
  ...interruptChecks,
  ...closingChecks,
]

/** Runs one check on a bench of its own, with bus mastering on. Rejects when the device does not do what the check says. */
export async function runCheck(check: Check, open: () => Promise<Bench>): Promise<void> {
  const bench = await open()
  try {
    if (check.asOpened !== true) setBusMaster(bench, true)
    await check.run(bench)
  } finally {
    await bench.close()
  }
}

/**
 * @param open opens the device anew, for each check
 * @param lacks what platform and device are known not to offer: checks that need it are skipped by name, with the reason. The
 *   device itself has to say the same, so that none is skipped without need.
 * @param checks all that there are unless told
 */
export function describeDeviceContract(
  name: string,
  open: () => Promise<Bench>,
  lacks: readonly Need[] = [],
  checks: readonly Check[] = deviceChecks,
): void {
  describe(`device contract: ${name}`, () => {
    it('the device lacks what it is known to lack, and nothing else', async () => {
      const bench = await open()
      try {
        expect(lacking(bench).toSorted()).toEqual(lacks.toSorted())
      } finally {
        await bench.close()
      }
    })

    for (const check of checks) {
      const reason = skipReason(check.needs ?? [], lacks)
      if (reason === undefined) it(check.name, () => runCheck(check, open), 60_000)
      else it.skip(`${check.name} (skipped: ${reason})`, () => undefined)
    }
  })
}
