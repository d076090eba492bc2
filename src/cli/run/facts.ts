import { randomUUID } from 'node:crypto'
import { arch, platform, release } from 'node:os'
import type { RunFacts } from '../../suite/run.ts'
import { packageVersion } from '../package.ts'

/** A new run's id, the time, and what it runs on. */
export function runFacts(): RunFacts {
  return {
    id: randomUUID(),
    startedAt: new Date(),
    host: { platform: platform(), release: release(), arch: arch() },
    versions: { probar: packageVersion(), node: process.versions.node },
  }
}
