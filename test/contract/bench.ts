import { expect } from '@jest/globals'
import type { BusAddress, Va } from '../../src/base/address.ts'
import { sleep } from '../../src/base/clock.ts'
import { codeOf, type ErrorCode } from '../../src/base/errors.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import type { Device, DmaAccess, HostMemory, Mapping, Placement, Region } from '../../src/device/contract.ts'

/** What a back end brings to the contract suite: an opened edu device and memory for it. */
export interface Bench {
  readonly device: Device
  /** At least 64 frames; the checks use all of them. */
  readonly memory: HostMemory
  /** Address space for `Region.map` that nothing else uses. */
  reserve(bytes: number): Va
  close(): void | Promise<void>
}

/** What not every platform can do, each with the reason for which a check that needs it is skipped there. */
const NEEDS = {
  placement: 'the platform lets nobody choose bus addresses',
  revocation: 'nothing refuses an access by the device, which would reach memory that is not its own',
  faults: 'the platform does not show which accesses it refused',
} as const
export type Need = keyof typeof NEEDS

/** What a device lacks of it, as its capabilities say. */
export function lacking({ dma, faults }: Device): readonly Need[] {
  const offered: Record<Need, boolean> = {
    placement: dma.capabilities.placement === 'caller',
    revocation: dma.capabilities.revocable,
    faults: faults.observable,
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

export function bar(bench: Bench): Region {
  const region = bench.device.regions.find(({ index }) => index === 0)
  if (region === undefined) throw new Error('the device has no BAR 0')
  return region
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
