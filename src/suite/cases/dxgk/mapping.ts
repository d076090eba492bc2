import { type PhysicalAddress, type Va, physicalAddress, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { NT_SUCCESS, NtStatus } from '../../../base/ntstatus.ts'
import { CmResourceType, KIRQL, type Out } from '../../../ddi/constants.ts'
import type { DXGK_DEVICE_INFO } from '../../../ddi/dxgk/dxgk.ts'
import type { TranslatedResourceList } from '../../../ddi/dxgk/resources.ts'
import { ConfigOffset } from '../../../pci/config.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { MmCached, MmNonCached } from '../parts/buffers.ts'
import { homeBytes } from '../parts/home-bytes.ts'

/** CM_RESOURCE_MEMORY_PREFETCHABLE (DXM-014); bit 3 of the BAR in config space says it too. */
const PREFETCHABLE = 0x4

/** Values in which every bit is once set and once clear. */
const PROBES = [0x0000_0001, 0x8000_0000, 0x5aa5_c33c, 0xa55a_3cc3]

function resources({ check, ddi }: Context): TranslatedResourceList {
  const info: Out<DXGK_DEVICE_INFO> = {}
  check.equal(ddi.dxgk.DxgkCbGetDeviceInformation(ddi.dxgk.DeviceHandle, info), 0, 'DxgkCbGetDeviceInformation')
  return check.present(info.value, 'the device information').TranslatedResourceList
}

/** The translated address of a place in a BAR, from the resource list. */
function translated(context: Context, barIndex: number, offset: number): PhysicalAddress {
  const position = context.device.regions.findIndex((bar) => bar.index === barIndex)
  return physicalAddress(resources(context).resource(position).Start + BigInt(offset))
}

interface Request {
  readonly at: PhysicalAddress
  readonly length: number
  readonly user?: boolean
  readonly type?: number
  readonly io?: boolean
  /** The adapter's own handle unless told. */
  readonly handle?: symbol
}

function tryMap(
  { ddi }: Context,
  { at, length, user = false, type = MmNonCached, io = false, handle = ddi.dxgk.DeviceHandle }: Request,
): { status: number; address: Va | undefined } {
  const out: Out<Va> = {}
  const status = ddi.dxgk.DxgkCbMapMemory(handle, at, length, io, user, type, out)
  return { status, address: out.value }
}

function mustMap(context: Context, request: Request): Va {
  const { status, address } = tryMap(context, request)
  context.check.equal(status, 0, 'DxgkCbMapMemory')
  return context.check.present(address, 'the virtual address')
}

function unmap({ check, ddi }: Context, address: Va): void {
  check.equal(ddi.dxgk.DxgkCbUnmapMemory(ddi.dxgk.DeviceHandle, address), 0, 'DxgkCbUnmapMemory')
}

export const mappingCases: readonly Case[] = [
  {
    id: 'dxgk/resources-match-the-bars',
    title: 'translated start, length and flags are those of the BAR, in the packed layout',
    rules: ['DXM-001', 'DXM-010', 'DXM-011', 'DXM-014'],
    needs: ['memory-bar'],
    run: (context) => {
      const { bar, check, ddi, device } = context
      const foreign: Out<DXGK_DEVICE_INFO> = {}
      const refused = ddi.dxgk.DxgkCbGetDeviceInformation(Symbol('foreign'), foreign)
      check.equal(refused, NtStatus.STATUS_INVALID_PARAMETER, 'status for a foreign handle')
      check.absent(foreign.value, 'the information for a foreign handle')
      const list = resources(context)
      const bytes = homeBytes(context, list.address, 20 + 20 * list.Count)
      check.equal(bytes.getUint32(0, true), 1, 'Count at byte 0')
      const bars = device.regions.filter(({ kind }) => kind !== 'rom')
      check.equal(bytes.getUint32(16, true), bars.length, 'count of partial descriptors at byte 16')
      const position = device.regions.indexOf(bar)
      const at = 20 + 20 * (position === -1 ? 0 : position)
      check.equal(bytes.getUint8(at), CmResourceType.CmResourceTypeMemory, 'Type')
      const register = device.config.read32(ConfigOffset.bar0 + 4 * bar.index)
      check.equal(bytes.getUint16(at + 2, true) & PREFETCHABLE, (register & 8) === 0 ? 0 : PREFETCHABLE, 'PREFETCHABLE')
      const low = BigInt(register & ~0xf) & 0xffff_ffffn
      const high = bar.addressBits === 64 ? BigInt(device.config.read32(ConfigOffset.bar0 + 4 * bar.index + 4)) : 0n
      check.equal(
        bytes.getBigUint64(at + 4, true),
        (high << 32n) | low,
        'Start at byte 4, as the BAR in config space says',
      )
      check.equal(bytes.getUint32(at + 12, true), sizeByProbing(context), 'Length at byte 12, as sizing the BAR says')
    },
  },
  {
    id: 'dxgk/constant-register',
    title: 'READ_REGISTER_ULONG through a mapped BAR gives the value that the register is known to have',
    rules: ['DXM-020', 'DXM-022'],
    needs: ['memory-bar', 'constant-register'],
    run: (context) => {
      const { check, ddi } = context
      const known = context.register('constant')
      const { size } = context.region(known.region)
      const base = mustMap(context, { at: translated(context, known.region, 0), length: size })
      const value = ddi.registers.READ_REGISTER_ULONG(va(base + BigInt(known.offset)))
      check.equal((value & known.mask) >>> 0, known.value, known.name)
      unmap(context, base)
    },
  },
  {
    id: 'dxgk/a-later-page-is-another',
    title: 'a mapping that starts in a later page of the BAR does not show the first page',
    rules: ['DXM-024'],
    needs: ['memory-bar', 'constant-register', 'long-bar'],
    run: (context) => {
      const { check, ddi } = context
      const known = context.register('constant')
      const { size } = context.region(known.region)
      const first = mustMap(context, { at: translated(context, known.region, known.offset), length: 4 })
      const there = ddi.registers.READ_REGISTER_ULONG(first)
      check.equal((there & known.mask) >>> 0, known.value, `${known.name} at the start of the BAR`)
      unmap(context, first)
      const at = translated(context, known.region, size - PAGE_SIZE + (known.offset % PAGE_SIZE))
      const pointer = mustMap(context, { at, length: 4 })
      const value = ddi.registers.READ_REGISTER_ULONG(pointer)
      check.differ((value & known.mask) >>> 0, known.value, `what the last page shows and ${known.name}`)
      unmap(context, pointer)
    },
  },
  {
    id: 'dxgk/write-reaches-the-device',
    title: 'WRITE_REGISTER_ULONG reaches the register with all 32 bits, and a read of the function shows its effect',
    rules: ['DXM-022'],
    needs: ['memory-bar', 'inverting-register'],
    run: (context) => {
      const { check, ddi } = context
      const known = context.register('inverts')
      const base = mustMap(context, { at: translated(context, known.region, 0), length: 4096 })
      const register = va(base + BigInt(known.offset))
      for (const probe of PROBES) {
        ddi.registers.WRITE_REGISTER_ULONG(register, probe)
        check.equal(ddi.registers.READ_REGISTER_ULONG(register), ~probe >>> 0, `${known.name} after a write`)
        const seen = context.region(known.region).read32(known.offset)
        check.equal(seen, ~probe >>> 0, `${known.name} read without the mapping`)
      }
      unmap(context, base)
    },
  },
  {
    id: 'dxgk/pointer-hits-the-exact-byte',
    title: 'a mapping that starts inside a page points at exactly that register',
    rules: ['DXM-024'],
    needs: ['memory-bar', 'inverting-register'],
    run: (context) => {
      const { check, ddi } = context
      const known = context.register('inverts')
      const at = translated(context, known.region, known.offset)
      const pointer = mustMap(context, { at, length: 4 })
      check.equal(pointer % 4096n, at % 4096n, 'low 12 bits of the pointer')
      for (const probe of PROBES) {
        ddi.registers.WRITE_REGISTER_ULONG(pointer, probe)
        check.equal(ddi.registers.READ_REGISTER_ULONG(pointer), ~probe >>> 0, `${known.name} at the pointer itself`)
      }
      unmap(context, pointer)
    },
  },
  {
    id: 'dxgk/two-views-one-register',
    title: 'two mappings of one BAR reach the same register',
    rules: ['DXM-024'],
    needs: ['memory-bar', 'inverting-register'],
    run: (context) => {
      const { check, ddi } = context
      const known = context.register('inverts')
      const request = { at: translated(context, known.region, known.offset), length: 4 }
      const [one, other] = [mustMap(context, request), mustMap(context, request)]
      check.differ(one, other, 'the addresses of the two mappings')
      for (const probe of PROBES) {
        ddi.registers.WRITE_REGISTER_ULONG(one, probe)
        check.equal(ddi.registers.READ_REGISTER_ULONG(other), ~probe >>> 0, 'through the other mapping')
      }
      unmap(context, one)
      check.equal(ddi.registers.READ_REGISTER_ULONG(other), ~(PROBES.at(-1) ?? 0) >>> 0, 'after the first is unmapped')
      unmap(context, other)
    },
  },
  {
    id: 'dxgk/user-view-is-loaded-from',
    title: 'a user-mode mapping is read by plain loads; register accessors refuse it',
    rules: ['DXM-022'],
    needs: ['memory-bar', 'constant-register'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const known = context.register('constant')
      const at = translated(context, known.region, known.offset)
      const pointer = mustMap(context, { at, length: 4, user: true })
      check.ok(pointer < kernel.memory.userProbeAddress, 'the pointer lies in user space')
      check.equal((ddi.registers.loadUser32(pointer) & known.mask) >>> 0, known.value, `${known.name} by a plain load`)
      check.callerError('DXM-022', 'READ_REGISTER_ULONG on a user pointer', () =>
        ddi.registers.READ_REGISTER_ULONG(pointer),
      )
      unmap(context, pointer)
    },
  },
  {
    id: 'dxgk/misaligned-register',
    title: 'a register address that is no multiple of the width is refused',
    rules: ['DXM-047'],
    needs: ['memory-bar'],
    run: (context) => {
      const { check, ddi } = context
      const base = mustMap(context, { at: translated(context, context.bar.index, 0), length: 16 })
      check.callerError('DXM-047', 'a ULONG at offset 2', () => ddi.registers.READ_REGISTER_ULONG(va(base + 2n)))
      unmap(context, base)
    },
  },
  {
    id: 'dxgk/outside-the-resource',
    title: 'a range that no resource holds whole is refused and the output stays untouched; the last bytes are mapped',
    rules: ['DXM-020', 'DXM-025'],
    needs: ['memory-bar'],
    run: (context) => {
      const { bar, check, kernel } = context
      const start = translated(context, bar.index, 0)
      const bad: readonly Request[] = [
        { at: physicalAddress(start + BigInt(bar.size) - 4n), length: 8 },
        { at: physicalAddress(start - 4n), length: 8 },
        { at: start, length: bar.size + 1 },
        { at: start, length: 0 },
        { at: start, length: 4, type: 7 },
        { at: start, length: 4, handle: Symbol('foreign') },
        { at: start, length: 4, io: true },
      ]
      bad.forEach((request, i) => {
        const { status, address } = tryMap(context, request)
        check.ok(!NT_SUCCESS(status), `request ${i} is refused`)
        check.equal(address, undefined, `output of request ${i}`)
      })
      const map = () => tryMap(context, { at: start, length: 4 })
      check.callerError('DXM-020', 'at DISPATCH_LEVEL', () => kernel.at(KIRQL.DISPATCH_LEVEL, map))
      unmap(context, mustMap(context, { at: physicalAddress(start + BigInt(bar.size) - 4n), length: 4 }))
    },
  },
  {
    id: 'dxgk/unmap-takes-what-map-gave',
    title: 'DxgkCbUnmapMemory takes the returned address only, once, and the address is dead afterwards',
    rules: ['DXM-027'],
    needs: ['memory-bar'],
    run: (context) => {
      const { check, ddi } = context
      const address = mustMap(context, { at: translated(context, context.bar.index, 0), length: 4096 })
      const tryUnmap = (at: bigint): boolean => NT_SUCCESS(ddi.dxgk.DxgkCbUnmapMemory(ddi.dxgk.DeviceHandle, va(at)))
      check.equal(tryUnmap(address + 4n), false, 'an address inside is taken')
      check.equal(tryUnmap(address), true, 'the returned address is taken')
      check.callerError('DXM-022', 'a read at the dead address', () => ddi.registers.READ_REGISTER_ULONG(address))
      check.equal(tryUnmap(address), false, 'the address is taken again')
    },
  },
  {
    id: 'dxgk/one-caching-type-per-page',
    title: 'a page of a BAR is not mapped with two caching types at once',
    rules: ['DXM-026', 'MDL-082'],
    needs: ['memory-bar'],
    run: (context) => {
      const { check } = context
      const at = translated(context, context.bar.index, 0)
      const first = mustMap(context, { at, length: 4096 })
      check.ok(
        !NT_SUCCESS(tryMap(context, { at, length: 4, type: MmCached }).status),
        'another type while it lives is refused',
      )
      unmap(context, first)
      unmap(context, mustMap(context, { at, length: 4, type: MmCached }))
    },
  },
]

/** The size of a BAR by writing ones to it and reading back (PCI 3.0, section 6.2.5.1). */
function sizeByProbing({ bar, device }: Context): number {
  const offset = ConfigOffset.bar0 + 4 * bar.index
  const before = device.config.read32(offset)
  device.config.write32(offset, 0xffff_ffff)
  const mask = device.config.read32(offset) & ~0xf
  device.config.write32(offset, before)
  return (~mask + 1) >>> 0
}
