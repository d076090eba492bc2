import { type Va, physicalAddress, va } from '../../../../src/base/address.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { Dxgk } from '../../../../src/ddi/dxgk/dxgk.ts'
import type { Registers } from '../../../../src/ddi/dxgk/registers.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes, dxgk, registers } from '../plants/broken-ddi.ts'
import { regions, views } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

type MapArguments = Parameters<Dxgk['DxgkCbMapMemory']>

/** The translated list's bytes, spoilt before the driver gets it. */
const resourceBytes = (spoil: (bytes: Bytes) => void): Plant =>
  dxgk((dxgk, kernel) => ({
    DxgkCbGetDeviceInformation(handle, out) {
      const status = dxgk.DxgkCbGetDeviceInformation(handle, out)
      if (out.value !== undefined) spoil(new Bytes(kernel, out.value.TranslatedResourceList.address))
      return status
    },
  }))

interface MapRequest {
  readonly handle: symbol
  readonly at: bigint
  readonly length: number
  readonly user: boolean
  readonly type: number
}

/** DxgkCbMapMemory with other arguments. */
const mappingWith = (change: (request: MapRequest, own: symbol) => Partial<MapRequest>): Plant =>
  dxgk((dxgk) => ({
    DxgkCbMapMemory(...[handle, at, length, io, user, type, out]: MapArguments) {
      const asked = { handle, at, length, user, type }
      const now = { ...asked, ...change(asked, dxgk.DeviceHandle) }
      return dxgk.DxgkCbMapMemory(now.handle, physicalAddress(now.at), now.length, io, now.user, now.type, out)
    },
  }))

const mapping = (map: (dxgk: Dxgk, ...args: MapArguments) => number): Plant =>
  dxgk((dxgk) => ({ DxgkCbMapMemory: (...args) => map(dxgk, ...args) }))

const unmapping = (unmap: (dxgk: Dxgk, address: Va) => number): Plant =>
  dxgk((dxgk) => ({ DxgkCbUnmapMemory: (_, address) => unmap(dxgk, address) }))

const reading = (read: (registers: Registers, address: Va) => number): Plant =>
  registers((registers) => ({ READ_REGISTER_ULONG: (address) => read(registers, address) }))

const inHalves = (registers: Registers, address: Va): number =>
  registers.READ_REGISTER_USHORT(address) + registers.READ_REGISTER_USHORT(va(address + 2n)) * 0x1_0000

/** Registers that are written are kept by the processor and read from there. */
const cached = registers((registers) => {
  const kept = new Map<Va, number>()
  return {
    WRITE_REGISTER_ULONG: (address, value) => void kept.set(address, ~value >>> 0),
    READ_REGISTER_ULONG: (address) => kept.get(address) ?? registers.READ_REGISTER_ULONG(address),
  }
})

/** Defects for the cases of BAR mapping. */
export const mappingDefects: Defects = {
  'dxgk/resources-match-the-bars': [
    planted(
      'the size is another',
      'Length at byte 12',
      regions(({ size }) => ({ size: 2 * size })),
    ),
    fault('config-write-lost', 'Length at byte 12'),
    planted(
      'the start is another',
      'Start at byte 4',
      regions(({ start }) => ({ start: physicalAddress(start + 4096n) })),
    ),
    planted(
      'Start is naturally aligned',
      'Start at byte 4',
      resourceBytes((bytes) => bytes.write(28, bytes.read(24, 8))),
    ),
    planted(
      'it is prefetchable',
      'PREFETCHABLE',
      regions(() => ({ prefetchable: true })),
    ),
    planted(
      'it is a port',
      'Type',
      resourceBytes((bytes) => bytes.write(20, Uint8Array.of(1))),
    ),
    planted(
      'no list',
      'Count at byte 0',
      resourceBytes((bytes) => bytes.set32(0, 0)),
    ),
    planted(
      'no descriptors',
      'count of partial descriptors',
      resourceBytes((bytes) => bytes.set32(16, 0)),
    ),
    planted(
      'any handle will do',
      'a foreign handle',
      dxgk((dxgk) => ({
        DxgkCbGetDeviceInformation: (_, out) => dxgk.DxgkCbGetDeviceInformation(dxgk.DeviceHandle, out),
      })),
    ),
  ],
  'dxgk/constant-register': [
    fault('ident-wrong', 'identification'),
    fault('bar-view-detached', 'identification'),
    planted('it is read in halves', 'identification', reading(inHalves)),
    planted(
      'a whole BAR cannot be mapped',
      'DxgkCbMapMemory',
      mapping((dxgk, ...args) => (args[2] > 4096 ? NtStatus.STATUS_INVALID_PARAMETER : dxgk.DxgkCbMapMemory(...args))),
    ),
  ],
  'dxgk/write-reaches-the-device': [
    fault('register-write-lost', 'after a write'),
    fault('liveness-stuck', 'after a write'),
    fault('bar-view-detached', 'after a write'),
    planted('the processor caches it', 'read without the mapping', cached),
    planted(
      'it is written in halves',
      'after a write',
      registers((registers) => ({
        WRITE_REGISTER_ULONG(address, value) {
          registers.WRITE_REGISTER_USHORT(address, value & 0xffff)
          registers.WRITE_REGISTER_USHORT(va(address + 2n), value >>> 16)
        },
      })),
    ),
    planted(
      'the top bit is lost',
      'after a write',
      registers((registers) => ({
        WRITE_REGISTER_ULONG: (address, value) => registers.WRITE_REGISTER_ULONG(address, value & 0x7fff_ffff),
      })),
    ),
  ],
  'dxgk/a-later-page-is-another': [
    fault('bar-offset-ignored', 'what the last page shows'),
    fault('ident-wrong', 'at the start of the BAR'),
  ],
  'dxgk/pointer-hits-the-exact-byte': [
    planted(
      'the pointer is that of the page',
      'low 12 bits',
      mappingWith(({ at }) => ({ at: at & ~4095n })),
    ),
    planted(
      'accesses hit the page’s start',
      'at the pointer itself',
      reading((registers, at) => registers.READ_REGISTER_ULONG(va(at & ~4095n))),
    ),
    planted(
      'views begin elsewhere',
      'at the pointer itself',
      views((view) => ({ read32: (at) => view.read32(at + 4) })),
    ),
  ],
  'dxgk/two-views-one-register': [
    planted('one view for both', 'the addresses of the two mappings', oneForBoth()),
    planted(
      'the second view is dead',
      'through the other mapping',
      views((_, before) => (before === 1 ? { read32: () => 0 } : {})),
    ),
    planted('one unmap ends both', 'the address is in no mapped BAR', endsBoth()),
  ],
  'dxgk/user-view-is-loaded-from': [
    planted(
      'it is in system space',
      'the pointer lies in user space',
      mappingWith(() => ({ user: false })),
    ),
    fault('ident-wrong', 'by a plain load'),
    fault('bar-view-detached', 'by a plain load'),
    planted(
      'register accessors take it',
      'READ_REGISTER_ULONG on a user pointer',
      reading((registers, at) => registers.loadUser32(at)),
    ),
  ],
  'dxgk/misaligned-register': [
    planted(
      'it is rounded down',
      'a ULONG at offset 2',
      reading((registers, at) => registers.READ_REGISTER_ULONG(va(at & ~3n))),
    ),
    planted('it is split', 'a ULONG at offset 2', reading(inHalves)),
  ],
  'dxgk/outside-the-resource': [
    planted(
      'the end is cut',
      'request 0',
      mappingWith(({ at, length }) => ({ length: Math.min(length, 4096 - Number(at % 4096n)) })),
    ),
    planted(
      'the start is cut',
      'request 1',
      mappingWith(({ at, length }) =>
        at % 0x1000n === 0xffcn && length === 8 && at < 0xfea0_0000n ? { at: at + 4n, length: 4 } : {},
      ),
    ),
    planted(
      'the length is cut',
      'request 2',
      mappingWith(({ length }) => ({ length: Math.min(length, 0x10_0000) })),
    ),
    planted(
      'nothing becomes a page',
      'request 3',
      mappingWith(({ length }) => ({ length: Math.max(1, length) })),
    ),
    planted(
      'an unknown type is taken',
      'request 4',
      mappingWith(({ type }) => ({ type: Math.min(2, type) })),
    ),
    planted(
      'any handle will do',
      'request 5',
      mappingWith((_, own) => ({ handle: own })),
    ),
    planted(
      'a memory BAR is taken for ports',
      'request 6',
      dxgk((dxgk) => ({
        DxgkCbMapMemory: (handle, at, length, _io, ...rest) => dxgk.DxgkCbMapMemory(handle, at, length, false, ...rest),
      })),
    ),
    planted('the output is set', 'output of request 0', outputSet()),
    planted('it runs at any level', 'at DISPATCH_LEVEL', atAnyLevel()),
    planted(
      'the last bytes are refused',
      'DxgkCbMapMemory',
      mappingWith(({ at, length }) => ({ length: at % 4096n === 4092n ? length + 4 : length })),
    ),
  ],
  'dxgk/unmap-takes-what-map-gave': [
    planted(
      'an address inside is taken',
      'an address inside is taken',
      unmapping((dxgk, at) => dxgk.DxgkCbUnmapMemory(dxgk.DeviceHandle, va(at & ~4095n))),
    ),
    planted('the address lives on', 'a read at the dead address', livesOn()),
    planted('it is taken twice', 'the address is taken again', takenTwice()),
    planted(
      'it is not taken',
      'the returned address is taken',
      unmapping(() => NtStatus.STATUS_INVALID_PARAMETER),
    ),
  ],
  'dxgk/one-caching-type-per-page': [
    planted(
      'types are ignored',
      'another type while it lives',
      mappingWith(() => ({ type: 0 })),
    ),
    planted(
      'the first type stays',
      'DxgkCbMapMemory',
      mapping((dxgk, ...args) => (args[5] === 0 ? dxgk.DxgkCbMapMemory(...args) : NtStatus.STATUS_INVALID_PARAMETER)),
    ),
  ],
}

/** A range that is mapped already gives the address that it has. */
function oneForBoth(): Plant {
  return dxgk((dxgk) => {
    const given = new Map<bigint, Va>()
    return {
      DxgkCbMapMemory(...args) {
        const [, at, , , , , out] = args
        const again = given.get(at)
        if (again === undefined) {
          const status = dxgk.DxgkCbMapMemory(...args)
          if (out.value !== undefined) given.set(at, out.value)
          return status
        }
        out.value = again
        return NtStatus.STATUS_SUCCESS
      },
    }
  })
}

function outputSet(): Plant {
  return mapping((dxgk, ...args) => {
    const status = dxgk.DxgkCbMapMemory(...args)
    args[6].value ??= va(0n)
    return status
  })
}

function atAnyLevel(): Plant {
  return dxgk((dxgk, kernel) => ({
    DxgkCbMapMemory(...args) {
      const level = kernel.KeGetCurrentIrql()
      kernel.KeLowerIrql(KIRQL.PASSIVE_LEVEL)
      const status = dxgk.DxgkCbMapMemory(...args)
      kernel.KeRaiseIrql(level)
      return status
    },
  }))
}

/** Unmapping is noted, and the view stays. */
function livesOn(): Plant {
  return unmapping((_, at) => (at % 4096n === 0n ? NtStatus.STATUS_SUCCESS : NtStatus.STATUS_INVALID_PARAMETER))
}

function takenTwice(): Plant {
  return unmapping((dxgk, at) => {
    const status = dxgk.DxgkCbUnmapMemory(dxgk.DeviceHandle, at)
    return at % 4096n === 0n ? NtStatus.STATUS_SUCCESS : status
  })
}

/** Unmapping ends every mapping of the BAR. */
function endsBoth(): Plant {
  return dxgk((dxgk) => {
    const given: Va[] = []
    return {
      DxgkCbMapMemory(...args) {
        const status = dxgk.DxgkCbMapMemory(...args)
        if (args[6].value !== undefined) given.push(args[6].value)
        return status
      },
      DxgkCbUnmapMemory(handle) {
        for (const address of given.splice(0)) dxgk.DxgkCbUnmapMemory(handle, address)
        return NtStatus.STATUS_SUCCESS
      },
    }
  })
}
