import type { PortType } from './capability.ts'
import { EXPRESS_ID, PCI_X_ID, capabilityKind } from './capability-kinds.ts'
import { portType } from './capabilities/express.ts'
import { type Link, place } from './chain/chain.ts'
import { walkCapabilities } from './chain/conventional.ts'
import { EXTENDED_START, walkExtendedCapabilities } from './chain/extended.ts'
import type { ConfigProblem } from './problem.ts'
import { type DecodedRegister, decodeRegisters } from './register.ts'

export interface Capability {
  /** Bytes from the start of config space. */
  readonly offset: number
  readonly id: number
  readonly extended: boolean
  /** Of an extended capability. */
  readonly version?: number
  readonly name: string
  /** Bytes, header included; absent where nothing tells it. */
  readonly length?: number
  /** Empty for a capability that is shown by its bytes only. */
  readonly registers: readonly DecodedRegister[]
  /** From its id on, as far as it is at hand; of unknown length at most 64, and not into the next capability. */
  readonly bytes: Uint8Array
}

export interface DecodedCapabilities {
  readonly capabilities: readonly Capability[]
  readonly problems: readonly ConfigProblem[]
}

/** Of a capability whose length nothing tells. */
const SHOWN = 64

/** Follows both chains and decodes what they lead to. @param bytes at least the 64 of the header */
export function decodeCapabilities(bytes: Uint8Array): DecodedCapabilities {
  const conventional = walkCapabilities(bytes)
  const type = expressType(conventional.links, bytes)
  // Only PCI Express and PCI-X 2.0 have more than 256 bytes; elsewhere they may show the first ones again.
  const more = conventional.links.some(({ id }) => id === EXPRESS_ID || id === PCI_X_ID)
  const extended = more ? walkExtendedCapabilities(bytes) : { links: [], problems: [] }
  const all = [...conventional.links, ...extended.links].toSorted((a, b) => a.offset - b.offset)
  const decode = (link: Link): Capability => decodeLink(link, { bytes, type, end: endOf(link, all, bytes) })
  const capabilities = [...conventional.links, ...extended.links].map(decode)
  const problems = [...conventional.problems, ...extended.problems]
  return { capabilities, problems: [...problems, ...cut(capabilities, bytes), ...overlaps(capabilities)] }
}

function expressType(links: readonly Link[], bytes: Uint8Array): PortType | undefined {
  const found = links.find(({ id }) => id === EXPRESS_ID)
  return found === undefined ? undefined : portType(bytes.subarray(found.offset))
}

interface Surroundings {
  readonly bytes: Uint8Array
  readonly type: PortType | undefined
  readonly end: number
}

function decodeLink({ offset, id, version }: Link, { bytes, type, end }: Surroundings): Capability {
  const extended = version !== undefined
  const kind = capabilityKind(id, extended)
  // One that should reach out of its part has no registers in the other, where they would be made of something else.
  const part = extended ? bytes : bytes.subarray(0, EXTENDED_START)
  const layout = kind.decode?.({ bytes: part.subarray(offset), express: type })
  const least = extended ? 4 : 2
  const length = layout === undefined || layout.length < least ? undefined : layout.length
  const shown = part.slice(offset, length === undefined ? Math.min(end, offset + SHOWN) : offset + length)
  const registers = decodeRegisters(layout?.registers ?? [], part, offset)
  const known = { offset, id, extended, name: kind.name, registers, bytes: shown }
  return { ...known, ...(extended ? { version } : {}), ...(length === undefined ? {} : { length }) }
}

/** Where the next capability begins, or config space ends. */
const endOf = ({ offset }: Link, sorted: readonly Link[], bytes: Uint8Array): number =>
  sorted.find((other) => other.offset > offset)?.offset ?? bytes.length

function cut(capabilities: readonly Capability[], bytes: Uint8Array): readonly ConfigProblem[] {
  return capabilities.flatMap(({ name, offset, extended, length = 0 }) => {
    const limit = extended ? 0x1000 : EXTENDED_START
    const have = Math.min(bytes.length, limit)
    if (offset + length <= have) return []
    const why = have < limit ? `only ${have} bytes are at hand` : `config space ends at ${place(limit)}`
    const text = `${name} at ${place(offset)} takes ${length} bytes, but ${why}`
    return [{ kind: 'truncated' as const, offset, text }]
  })
}

function overlaps(capabilities: readonly Capability[]): readonly ConfigProblem[] {
  const sorted = capabilities.toSorted((a, b) => a.offset - b.offset)
  return sorted.flatMap(({ name, offset, length = 0 }, index) => {
    const next = sorted[index + 1]
    if (next === undefined || offset + length <= next.offset) return []
    const text = `${name} at ${place(offset)} takes ${length} bytes and reaches into ${next.name} at ${place(next.offset)}`
    return [{ kind: 'overlap' as const, offset, text }]
  })
}
