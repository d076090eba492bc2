/**
 * Runs every case on a device and prints, for each witness, the rules whose cases passed.
 * In a project of yours the import is from 'probar' instead of '../src/index.ts'.
 */
import { randomUUID } from 'node:crypto'
import { arch, platform, release } from 'node:os'
import { type RunRecord, openSession, runSuite } from '../src/index.ts'

type Print = (line: string) => void

/** @param device as `--device` takes it: loopback:edu, vfio:0000:01:00.0, … */
export async function main(device: string, print: Print = console.log): Promise<RunRecord> {
  const seed = 1n
  await using session = await openSession({ device, seed })
  const record = await runSuite(session, {
    facts: {
      id: randomUUID(),
      startedAt: new Date(),
      host: { platform: platform(), release: release(), arch: arch() },
      versions: { probar: 'of this checkout', node: process.versions.node },
      // The session's seed: with it somebody else can repeat the run.
      seed,
    },
  })
  tell(record, print)
  return record
}

function tell({ cases, summary, backend }: RunRecord, print: Print): void {
  print(`${summary.pass} of ${cases.length} cases passed through ${backend}`)
  for (const witness of ['device', 'kernel', 'model'] as const) {
    const passes = cases.filter((one) => one.verdict === 'pass' && one.witness === witness)
    const rules = new Set(passes.flatMap((one) => one.rules))
    if (passes.length > 0) print(`witness ${witness}: ${[...rules].toSorted().join(' ')}`)
  }
  for (const { id, verdict, reason } of cases) {
    if (verdict !== 'pass') print(`${verdict} ${id}: ${reason?.text ?? 'no reason'}`)
  }
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? 'loopback:edu')
