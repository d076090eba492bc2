import type { DmaDomain } from '../../device/contract.ts'
import type { KIRQL } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Mm } from '../mm/mm.ts'
import type { Channel } from './channel/channel.ts'
import type { MapRegisterPool } from './channel/map-register-pool.ts'
import type { MapRegisters } from './channel/map-registers.ts'
import type { TransferContexts } from './channel/transfer-contexts.ts'
import type { CommonBuffers } from './common-buffer/common-buffers.ts'
import type { Lists } from './lists/live-lists.ts'
import type { DmaPlatform } from './platform.ts'
import { requireLevel, violate } from './violation.ts'

/** Versions of DMA_OPERATIONS. */
export type OperationsVersion = 1 | 2 | 3

/** What the operations of one adapter share. */
export interface AdapterState {
  readonly kernel: Kernel
  readonly mm: Mm
  readonly domain: DmaDomain
  /** As it was when the adapter was asked for. */
  readonly platform: Readonly<DmaPlatform>
  readonly version: OperationsVersion
  /** Bits of the device's addresses, from its description. */
  readonly addressWidth: number
  /** The device takes lists; otherwise a transfer is one element (DMA-024). */
  readonly scatterGather: boolean
  /** A bus master; otherwise a slave of the system's DMA controller. */
  readonly master: boolean
  /** Map registers of one operation, one a page (DMA-013). */
  readonly mapRegisters: number
  /** Map registers that the description asks for: more than were granted where the platform has few mappings. */
  readonly wanted: number
  /** Of all adapters. */
  readonly pool: MapRegisterPool
  readonly channel: Channel
  readonly contexts: TransferContexts
  readonly lists: Lists
  readonly commonBuffers: CommonBuffers
  /** What AllocateAdapterChannel gave and nobody freed. */
  readonly bases: Set<MapRegisters>
  /** Those that go with the channel while it is kept. */
  channelBase: MapRegisters | undefined
  alive: boolean
}

export interface Entry {
  readonly routine: string
  /** The first version that has the routine (DMA-010). */
  readonly since: OperationsVersion
  /** The rule that tells its level. */
  readonly rule: string
  readonly highest: KIRQL
  readonly lowest?: KIRQL
}

/**
 * What each operation checks first.
 * @throws BugCheck 0xE6/0x18 for an adapter that was released (VER-008), 0xE6/0x13 at a wrong IRQL (VER-009)
 * @throws CallerError where the adapter's version lacks the operation (DMA-010)
 */
export function enter(state: AdapterState, { routine, since, rule, highest, lowest = 0 }: Entry): void {
  const { kernel } = state
  if (!state.alive) {
    violate(kernel, { rule: 'VER-008', routine, text: 'the adapter was released', parameters: [0x18] })
  }
  if (state.version < since) {
    const text = `the adapter has operations of version ${state.version}, and this one came with version ${since}`
    kernel.ledger.raise({ rule: 'DMA-010', routine, text })
  }
  requireLevel(kernel, routine, { rule, highest, lowest })
}
