import { expect } from '@jest/globals'
import { type BusAddress, busAddress, type Va } from '../../src/base/address.ts'
import { sleep } from '../../src/base/clock.ts'
import { codeOf, type ErrorCode } from '../../src/base/errors.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import type {
  Device,
  DmaAccess,
  HostMemory,
  InterruptKind,
  Mapping,
  Placement,
  Region,
} from '../../src/device/contract.ts'
import type { DeviceFacts } from './facts.ts'

/** What a back end brings to the contract suite: an opened device, what is known of it, and memory for it. */
export interface Bench {
  readonly device: Device
  readonly facts: DeviceFacts
  /** At least 64 frames; 256 MiB and a frame more where the platform lets bus addresses be chosen. */
  readonly memory: HostMemory
  /** Address space for `Region.map` that nothing else uses. */
  reserve(bytes: number): Va
  close(): void | Promise<void>
}

/** What not every platform or device has, each with the reason for which a check that needs it is skipped there. */
const NEEDS = {
  edu: 'only edu has the registers that it uses',
  constant: 'no register of the device is known to hold a constant',
  scratch: 'no register of the device may be written freely',
  interrupts: 'the device has no interrupts',
  placement: 'the platform lets nobody choose bus addresses',
  revocation: 'nothing refuses an access by the device, which would reach memory that is not its own',
  faults: 'the platform does not show which accesses it refused',
  'entry-limit': 'the platform sets no limit to the number of mappings',
} as const
export type Need = keyof typeof NEEDS

/** What a bench lacks of it, as the device itself says; of its registers, as its documents do. */
export function lacking({ device, facts }: Bench): readonly Need[] {
  const { dma, faults, identity, interrupts } = device
  const offered: Record<Need, boolean> = {
    edu: identity.vendor === 0x1234 && identity.device === 0x11e8,
    constant: facts.constant !== undefined,
    scratch: facts.scratch !== undefined,
    interrupts: Object.values(interrupts.vectors).some((vectors) => vectors > 0),
    placement: dma.capabilities.placement === 'caller',
    revocation: dma.capabilities.revocable,
    faults: faults.observable,
    'entry-limit': dma.capabilities.maxEntries <= 65_535,
  }
  return (Object.keys(NEEDS) as Need[]).filter((need) => !offered[need])
}

/** The reason for which a check is skipped where these are lacking, or undefined when it is not. */
export function skipReason(needs: readonly Need[], lacks: readonly Need[]): string | undefined {
  const unmet = needs.find((need) => lacks.includes(need))
  return unmet === undefined ? undefined : NEEDS[unmet]
}

/** One thing that a device must do. It throws when the device does not; the bench is its own and closed afterwards. */
export interface Check {
  readonly name: string
  readonly needs?: readonly Need[]
  /** Runs on the device as it opens; the others have bus mastering on. */
  readonly asOpened?: boolean
  readonly run: (bench: Bench) => void | Promise<void>
}

/** edu's registers, after its document (docs/specs/edu.rst in QEMU). */
export const edu = {
  identification: 0x00,
  liveness: 0x04,
  factorial: 0x08,
  status: 0x20,
  interruptStatus: 0x24,
  interruptRaise: 0x60,
  interruptAcknowledge: 0x64,
  source: 0x80,
  destination: 0x88,
  count: 0x90,
  command: 0x98,
  /** The buffer as a DMA source or destination. */
  buffer: 0x4_0000n,
} as const

const START = 1n
const FROM_DEVICE = 2n
export const INTERRUPT_AT_END = 4n

/** Milliseconds: more than any platform takes, and only spent when something is wrong. */
export const PATIENCE = 5000

/** edu's BAR 0; on another device one that checks may use for what every BAR can do. */
export function bar(bench: Bench, wanted = bench.facts.bar): Region {
  const region = bench.device.regions.find(({ index }) => index === wanted)
  if (region === undefined) throw new Error(`the device has no BAR ${wanted}`)
  return region
}

/** What a check that needs it can rely on. */
export function known<Name extends 'constant' | 'scratch'>(
  { facts }: Bench,
  name: Name,
): NonNullable<DeviceFacts[Name]> {
  const register = facts[name]
  if (register === undefined) throw new Error(`the check should have been skipped: it needs '${name}'`)
  return register
}

/** The kind of interrupt that checks use which would do with any: a message where there is one. */
export function anyKind({ device: { interrupts } }: Pick<Bench, 'device'>): InterruptKind {
  const kind = (['msi', 'msix', 'intx'] as const).find((candidate) => interrupts.vectors[candidate] > 0)
  if (kind === undefined) throw new Error("the check should have been skipped: it needs 'interrupts'")
  return kind
}

/** The code of the error that `act` ends in, whether thrown or as a rejection. */
export async function failure(act: () => unknown): Promise<ErrorCode | 'no error' | 'not an error of ours'> {
  try {
    await act()
  } catch (error) {
    return codeOf(error) ?? 'not an error of ours'
  }
  return 'no error'
}

export function setBusMaster(bench: Pick<Bench, 'device'>, on: boolean): void {
  const command = bench.device.config.read16(4)
  bench.device.config.write16(4, on ? command | 0x4 : command & ~0x4)
}

export function map(
  bench: Bench,
  frames: readonly number[],
  access: DmaAccess = 'both',
  placement?: Placement,
): Mapping {
  return bench.device.dma.map({ memory: bench.memory, indices: Uint32Array.from(frames) }, access, placement)
}

/** The bus address of the first frame. */
export const busOf = (mapping: Mapping): BusAddress => mapping.segments.at(0).bus

/** Where `pages` pages fit, as the domain itself found a moment ago. */
export function freePlace(bench: Bench, pages: number): BusAddress {
  using mapping = map(bench, [...Array(pages).keys()], 'both', { kind: 'join' })
  return busOf(mapping)
}

/** Where so many pages fit when nothing else is mapped: the start of an aperture, which automatic placement leaves free. */
export function roomFor({ device }: Bench, pages: number): BusAddress {
  const page = BigInt(PAGE_SIZE)
  const starts = device.dma.capabilities.apertures.map(({ first, last }) => {
    const start = ((first + page - 1n) / page) * page
    return start + BigInt(pages) * page - 1n <= last ? start : undefined
  })
  const start = starts.find((one) => one !== undefined)
  if (start === undefined) throw new Error(`no aperture has room for ${pages} pages`)
  return busAddress(start)
}

/** The device reads from the bus into its buffer. */
export function load(bench: Bench, bus: bigint, length: number, flags = 0n): Promise<void> {
  return transfer(bench, bus, edu.buffer, length, flags)
}

/** The device writes from its buffer to the bus. */
export function store(bench: Bench, bus: bigint, length: number, flags = 0n): Promise<void> {
  return transfer(bench, edu.buffer, bus, length, FROM_DEVICE | flags)
}

async function transfer(
  bench: Bench,
  source: bigint,
  destination: bigint,
  length: number,
  flags: bigint,
): Promise<void> {
  const region = bar(bench)
  region.write64(edu.source, source)
  region.write64(edu.destination, destination)
  region.write64(edu.count, BigInt(length))
  region.write64(edu.command, START | flags)
  await until(bench, 'the transfer ends', () => (region.read64(edu.command) & START) === 0n)
}

export async function until(bench: Bench, what: string, condition: () => boolean): Promise<void> {
  const { clock } = bench.device
  const deadline = clock.now() + PATIENCE
  while (!condition()) {
    if (clock.now() > deadline) throw new Error(`waited ${PATIENCE} ms in vain until ${what}`)
    await sleep(clock, 5)
  }
}

/** Bytes that differ from each other, from frame to frame and from poison. */
export function pattern(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => ((index * 7 + (index >> 8) * 13 + seed) & 0x7f) + 1)
}

const POISON = 0xee

export function poison(bench: Bench, frames: readonly number[]): void {
  for (const frame of frames) bench.memory.write(frame * PAGE_SIZE, new Uint8Array(PAGE_SIZE).fill(POISON))
}

export function expectPoison(bench: Bench, frames: readonly number[]): void {
  for (const frame of frames) {
    const touched = bench.memory.read(frame * PAGE_SIZE, PAGE_SIZE).findIndex((byte) => byte !== POISON)
    expect({ frame, touched }).toEqual({ frame, touched: -1 })
  }
}

/** Puts known bytes into the device's buffer, through frame 0. */
export async function loadBytes(bench: Bench, bytes: Uint8Array): Promise<void> {
  bench.memory.write(0, bytes)
  using mapping = map(bench, [0], 'read')
  await load(bench, busOf(mapping), bytes.length)
}
