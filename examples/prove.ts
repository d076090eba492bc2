/**
 * Runs every case on a device and prints, for each witness, the rules whose cases passed.
 * In a project of yours the import is from 'probar' instead of '../src/index.ts'.
 */
import { type RunRecord, openSession, runFacts, runSuite } from '../src/index.ts'

type Print = (line: string) => void

/** @param device as `--device` takes it: loopback:edu, vfio:0000:01:00.0, … */
export async function main(device: string, print: Print = console.log): Promise<RunRecord> {
  await using session = await openSession({ device })
  const record = await runSuite(session, { facts: runFacts() })
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
