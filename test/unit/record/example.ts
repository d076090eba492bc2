import { completeRecord } from '../../../src/record/outcome.ts'
import type { CaseRecord, RunHead, RunRecord } from '../../../src/record/schema.ts'

export const exampleHead: RunHead = {
  schema: 'probar-run/1',
  id: 'example',
  startedAt: '2026-01-02T03:04:05.678Z',
  host: { platform: 'linux', release: '6.1.0', arch: 'x64' },
  versions: { probar: '0.1.0', node: '20.20.0' },
  seed: '0x2a',
  backend: 'vfio',
  device: { ref: 'vfio:0000:01:00.0', vendor: '0x1234', device: '0x11e8', revision: '0x10', group: 7 },
  profile: 'qemu-edu',
}

/** A case that passed, but for what `changes` says. */
export function exampleCase(changes: Partial<CaseRecord> = {}): CaseRecord {
  const verdict = changes.verdict ?? 'pass'
  return {
    id: 'mdl/example',
    suite: 'mdl',
    rules: ['MDL-001'],
    verdict,
    witness: 'device',
    durationMs: 1,
    ...(verdict === 'pass' ? {} : { reason: { code: 'assertion', text: 'the byte is wrong' } }),
    ...changes,
  }
}

export const exampleSkip = (code: string, changes: Partial<CaseRecord> = {}): CaseRecord =>
  exampleCase({ verdict: 'skip', witness: 'model', reason: { code, text: `no ${code} here` }, ...changes })

export function exampleRecord(cases: readonly CaseRecord[], head: Partial<RunHead> = {}): RunRecord {
  return completeRecord({ ...exampleHead, ...head }, cases)
}
