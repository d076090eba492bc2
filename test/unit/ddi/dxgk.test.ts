import { describe, expect, it } from '@jest/globals'
import { type PhysicalAddress, type Va, advance, physicalAddress } from '../../../src/base/address.ts'
import { NtStatus } from '../../../src/base/ntstatus.ts'
import { CmResourceType, KIRQL, MEMORY_CACHING_TYPE, type Out } from '../../../src/ddi/constants.ts'
import type { DXGK_DEVICE_INFO } from '../../../src/ddi/dxgk/dxgk.ts'
import { TranslatedResourceList } from '../../../src/ddi/dxgk/resources.ts'
import type { Region } from '../../../src/device/contract.ts'
import { Bench, outcome } from './bench.ts'

const { MmNonCached, MmWriteCombined } = MEMORY_CACHING_TYPE
const { STATUS_SUCCESS, STATUS_INVALID_PARAMETER } = NtStatus
/** edu's registers. */
const [IDENT, LIVENESS] = [0x00, 0x04]

interface Asked {
  readonly offset?: number
  readonly length?: number
  readonly io?: boolean
  readonly user?: boolean
  readonly type?: MEMORY_CACHING_TYPE
  readonly handle?: symbol
}

const start = ({ device }: Bench): PhysicalAddress => device.regions[0]?.start ?? physicalAddress(0)

function map(bench: Bench, asked: Asked = {}): { status: number; at: Va | undefined } {
  const { dxgk } = bench.ddi
  const { offset = 0, length = 4096, io = false, user = false, type = MmNonCached, handle = dxgk.DeviceHandle } = asked
  const out: Out<Va> = {}
  const status = dxgk.DxgkCbMapMemory(handle, advance(start(bench), offset), length, io, user, type, out)
  return { status, at: out.value }
}

function mapped(bench: Bench, asked: Asked = {}): Va {
  const { status, at } = map(bench, asked)
  if (at === undefined) throw new Error(`not mapped: ${status}`)
  return at
}

describe('DxgkCbGetDeviceInformation', () => {
  it('delivers the BARs as translated resources, for its own handle only', async () => {
    await using bench = await Bench.open()
    const info: Out<DXGK_DEVICE_INFO> = {}
    expect(bench.ddi.dxgk.DxgkCbGetDeviceInformation(Symbol('other'), info)).toBe(STATUS_INVALID_PARAMETER)
    expect(info).toEqual({})
    expect(bench.ddi.dxgk.DxgkCbGetDeviceInformation(bench.ddi.dxgk.DeviceHandle, info)).toBe(STATUS_SUCCESS)
    const resources = info.value?.TranslatedResourceList
    expect(resources?.Count).toBe(1)
    expect(resources?.resource(0)).toEqual({ Type: 3, Flags: 0, Start: start(bench), Length: 0x10_0000 })
  })

  it('tells ports and prefetchable memory apart', async () => {
    await using bench = await Bench.open()
    const bar = (kind: string, prefetchable: boolean): Region =>
      ({ kind, prefetchable, start: physicalAddress(0xc000), size: 32 }) as unknown as Region
    const list = new TranslatedResourceList(bench.kernel.pool, [bar('io', false), bar('memory', true)])
    expect([list.resource(0).Type, list.resource(1).Type]).toEqual([CmResourceType.CmResourceTypePort, 3])
    expect(list.resource(1).Flags).toBe(4)
  })
})

describe('DxgkCbMapMemory', () => {
  it('gives a pointer to exactly the byte that was asked for', async () => {
    await using bench = await Bench.open()
    const { registers } = bench.ddi
    const at = mapped(bench, { offset: LIVENESS, length: 4 })
    expect(Number(at % 4096n)).toBe(LIVENESS)
    registers.WRITE_REGISTER_ULONG(at, 0x1234_5678)
    expect(registers.READ_REGISTER_ULONG(at)).toBe(~0x1234_5678 >>> 0)
    expect(registers.READ_REGISTER_ULONG(advance(at, IDENT - LIVENESS)) & 0xffff).toBe(0xed)
  })

  it('maps for a user below the probe address, where kernel accessors refuse to go', async () => {
    await using bench = await Bench.open()
    const [user, system] = [mapped(bench, { user: true }), mapped(bench)]
    expect(user).toBeLessThan(bench.kernel.memory.userProbeAddress)
    expect(bench.ddi.registers.loadUser32(user)).toBe(bench.ddi.registers.READ_REGISTER_ULONG(system))
    expect(outcome(() => bench.ddi.registers.READ_REGISTER_ULONG(user))).toBe('DXM-022')
    expect(outcome(() => bench.ddi.registers.loadUser32(system))).toBe('DXM-022')
  })

  it.each<readonly [string, Asked]>([
    ['a foreign handle', { handle: Symbol('other') }],
    ['a range before the BAR', { offset: -4 }],
    ['a range that crosses its end', { offset: 0xf_fffc, length: 5 }],
    ['a range behind it', { offset: 0x10_0000, length: 1 }],
    ['no bytes', { length: 0 }],
    ['a negative length', { length: -1 }],
    ['a part of a byte', { length: 1.5 }],
    ['no number', { length: Number.NaN }],
    ['4 GiB', { length: 2 ** 32 }],
    ['memory as I/O space', { io: true }],
    ['a caching type that there is not', { type: 3 }],
  ])('refuses %s and leaves the output alone', async (_, asked) => {
    await using bench = await Bench.open()
    expect(map(bench, asked)).toEqual({ status: STATUS_INVALID_PARAMETER, at: undefined })
    expect(bench.kernel.memory.views).toBe(0)
  })

  it('takes the last byte of a BAR', async () => {
    await using bench = await Bench.open()
    expect(map(bench, { offset: 0xf_ffff, length: 1 }).status).toBe(STATUS_SUCCESS)
  })

  it('keeps one caching type a page while a mapping lives', async () => {
    await using bench = await Bench.open()
    const at = mapped(bench, { offset: 4000, length: 200 })
    expect(map(bench, { offset: 4096, length: 4, type: MmWriteCombined }).status).toBe(STATUS_INVALID_PARAMETER)
    expect(map(bench, { offset: 8192, length: 4, type: MmWriteCombined }).status).toBe(STATUS_SUCCESS)
    bench.ddi.dxgk.DxgkCbUnmapMemory(bench.ddi.dxgk.DeviceHandle, at)
    expect(map(bench, { offset: 4096, length: 4, type: MmWriteCombined }).status).toBe(STATUS_SUCCESS)
  })

  it('runs at PASSIVE_LEVEL only', async () => {
    await using bench = await Bench.open()
    expect(bench.kernel.at(KIRQL.APC_LEVEL, () => outcome(() => map(bench)))).toBe('DXM-020')
  })
})

describe('DxgkCbUnmapMemory', () => {
  it('takes what was returned, once, with the right handle', async () => {
    await using bench = await Bench.open()
    const { dxgk } = bench.ddi
    const at = mapped(bench, { offset: 8 })
    expect(dxgk.DxgkCbUnmapMemory(Symbol('other'), at)).toBe(STATUS_INVALID_PARAMETER)
    expect(dxgk.DxgkCbUnmapMemory(dxgk.DeviceHandle, advance(at, 8))).toBe(STATUS_INVALID_PARAMETER)
    expect(dxgk.DxgkCbUnmapMemory(dxgk.DeviceHandle, at)).toBe(STATUS_SUCCESS)
    expect(dxgk.DxgkCbUnmapMemory(dxgk.DeviceHandle, at)).toBe(STATUS_INVALID_PARAMETER)
    expect(outcome(() => bench.ddi.registers.READ_REGISTER_ULONG(at))).toBe('DXM-022')
    expect(bench.kernel.memory.views).toBe(0)
  })

  it('is done for what is left when Windows ends, which says so', async () => {
    await using bench = await Bench.open()
    const at = mapped(bench)
    expect(await bench.end()).toEqual(['DXM-027'])
    expect(bench.kernel.memory.views).toBe(0)
    expect(bench.kernel.ledger.entries[0]?.text).toContain(`0x${at.toString(16)}`)
  })
})

describe('the register accessors', () => {
  it('access with exactly their width', async () => {
    await using bench = await Bench.open()
    const { registers } = bench.ddi
    const at = mapped(bench)
    const [source, liveness] = [advance(at, 0x80), advance(at, LIVENESS)]
    registers.WRITE_REGISTER_ULONG64(source, 0x1122_3344_5566_7788n)
    expect(registers.READ_REGISTER_ULONG64(source)).toBe(0x1122_3344_5566_7788n)
    // edu answers no access of 1 or 2 bytes.
    registers.WRITE_REGISTER_ULONG(liveness, 1)
    registers.WRITE_REGISTER_USHORT(liveness, 0xffff)
    registers.WRITE_REGISTER_UCHAR(liveness, 0xff)
    expect(registers.READ_REGISTER_ULONG(liveness)).toBe(0xffff_fffe)
    expect(registers.READ_REGISTER_USHORT(at)).not.toBe(0x00ed)
    expect(registers.READ_REGISTER_UCHAR(at)).not.toBe(0xed)
  })

  it('make a misuse of an address off their width and of one in no BAR', async () => {
    await using bench = await Bench.open()
    const { registers } = bench.ddi
    const at = mapped(bench)
    expect(outcome(() => registers.READ_REGISTER_ULONG(advance(at, 2)))).toBe('DXM-047')
    expect(outcome(() => registers.WRITE_REGISTER_ULONG64(advance(at, 4), 0n))).toBe('DXM-047')
    expect(outcome(() => registers.READ_REGISTER_UCHAR(advance(at, -1)))).toBe('DXM-022')
    expect(outcome(() => registers.READ_REGISTER_UCHAR(advance(at, 4096)))).toBe('DXM-022')
  })
})
