/**
 * Adds a case of one's own to a run, behind a case that Probar brings.
 * In a project of yours the imports are from 'probar' and 'probar/testing'.
 */
import { type RunRecord, allCases, openSession, runFacts, runSuite, selectCases } from '../src/index.ts'
import { type Context, defineSuite, orderPattern } from '../src/testing.ts'

const PAGE = 4096
const BEFORE = 0x77

/** The memory is the oracle: a device may not notice that its write was refused, so asking it proves nothing. */
async function writesNothingAfterUnmap({ check, device, engine, frames, signal }: Context): Promise<void> {
  const indices = frames.allocate({ count: 1 })
  const home = (indices[0] ?? 0) * PAGE
  frames.write(home, new Uint8Array(PAGE).fill(BEFORE))
  const mapping = device.dma.map({ memory: frames, indices }, 'both')
  // First that the device reaches the page at all: without it, silence later would mean nothing.
  await engine.write(mapping.segments.slice(0, 64), orderPattern(64), { signal })
  check.bytes(frames.read(home, 64), orderPattern(64), 'while the page is mapped')
  mapping.unmap()
  await engine.write(mapping.segments.slice(64, 64), orderPattern(64), { signal })
  check.filled(frames.read(home + 64, 64), BEFORE, 'after the unmap')
  // A case that leaves frames or mappings behind ends in error.
  frames.free(indices)
}

const bench = defineSuite('bench', [
  {
    id: 'bench/writes-nothing-after-unmap',
    title: 'an address that was unmapped no longer leads to memory',
    rules: ['DMA-061'],
    needs: ['engine', 'revocation'],
    run: writesNothingAfterUnmap,
  },
])

export async function main(device: string, print: (line: string) => void = console.log): Promise<RunRecord> {
  await using session = await openSession({ device })
  const cases = [...selectCases(allCases, { globs: ['dma/put-twice'] }), ...bench]
  const record = await runSuite(session, { cases, facts: runFacts() })
  for (const { id, verdict, reason } of record.cases) print(`${verdict} ${id}${reason ? `: ${reason.text}` : ''}`)
  return record
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? 'loopback:edu')
