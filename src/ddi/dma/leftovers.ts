import { runAll } from '../../base/disposal.ts'
import { takeBack } from './lists/lists.ts'
import type { AdapterState } from './state.ts'
import type { Violation } from './violation.ts'

/** What an adapter still has (VER-003): one violation for each thing that was not given back. */
export function leftovers(state: AdapterState): readonly Omit<Violation, 'routine'>[] {
  const { lists, bases, channel, commonBuffers } = state
  return [
    ...many(commonBuffers.size, 'a common buffer was never freed', 0x07),
    ...many(channel.held ? 1 : 0, 'the channel was never freed', 0x08),
    ...many(bases.size, 'map registers were never freed', 0x09),
    ...many(lists.size, 'a scatter/gather list was never put back', 0x0a),
  ]
}

function many(count: number, text: string, parameter: number): readonly Omit<Violation, 'routine'>[] {
  return Array.from({ length: count }, () => ({ rule: 'VER-003', text, parameters: [parameter, 0n, BigInt(count)] }))
}

/** Ends whatever the device still reaches. */
export function takeAllBack(state: AdapterState): void {
  const { lists, bases, channel, pool, commonBuffers } = state
  channel.close()
  const transfers = [...bases].flatMap((base) => base.transfers)
  runAll([
    ...[...lists.values()].map((live) => () => takeBack(state, live)),
    ...transfers.map((one) => () => one.mapped.abandon()),
    ...[...commonBuffers].map((buffer) => () => buffer.release()),
    ...[...bases].map(
      ({ count }) =>
        () =>
          pool.give(count),
    ),
  ])
  bases.clear()
  commonBuffers.clear()
}
