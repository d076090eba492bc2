import { MdlFlags } from '../../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { mapped, mdls, mm } from '../../plants/broken-ddi.ts'
import { built, locked, unlocking } from '../../plants/broken-locking.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const spanning = (span: (address: bigint, bytes: number) => number): Plant =>
  mm(() => ({ ADDRESS_AND_SIZE_TO_SPAN_PAGES: span }))

const sizing = (size: (address: bigint, bytes: number) => number): Plant => mm(() => ({ MmSizeOfMdl: size }))

const sum = (address: bigint, bytes: number): number => (Number(address % 4096n) + bytes + 4095) / 4096
/** As 64-bit code without a check does it. */
const wrapped = (address: bigint, bytes: number): number =>
  Number(BigInt.asUintN(64, (address % 4096n) + BigInt(bytes) + 4095n) / 4096n)

/** Every MDL that MmInitializeMdl makes is spoilt. */
const initialised = (spoil: (mdl: Mdl) => void): Plant =>
  mm((mm) => ({
    MmInitializeMdl(mdl, base, length) {
      mm.MmInitializeMdl(mdl, base, length)
      spoil(mdl)
    },
  }))

const flag = (bit: number) => (mdl: Mdl) => void (mdl.MdlFlags ^= bit)

/** Defects for the cases of layout. */
export const layoutDefects: Defects = {
  'mdl/span-of-a-range': [
    planted(
      'the offset is left out',
      'span of 0 bytes at 1 ',
      spanning((_, bytes) => Math.ceil(bytes / 4096)),
    ),
    planted(
      'nothing has a page, too',
      'span of 0 bytes at 0 ',
      spanning((address, bytes) => Math.floor(sum(address, Math.max(1, bytes)))),
    ),
    planted(
      'the first page is counted twice',
      'span of 2 bytes at 4095 ',
      spanning((address, bytes) => Math.floor(sum(address, bytes)) + Number(bytes === 2)),
    ),
    planted(
      'the page number counts',
      'span of 0 bytes at 0 ',
      spanning((address, bytes) => Math.floor(sum(address, bytes)) + Number(address > 2n ** 40n)),
    ),
    planted(
      'it has 32 bits',
      'span of 4294967295 bytes at 0 ',
      spanning((address, bytes) => Math.floor(sum(address, bytes) % 2 ** 20)),
    ),
    planted(
      'page numbers have 4 bytes',
      'bytes of an MDL',
      sizing((address, bytes) => 48 + 4 * Math.floor(sum(address, bytes))),
    ),
  ],
  'mdl/span-does-not-wrap': [
    planted('it wraps', 'bytes from 1, refused', spanning(wrapped)),
    planted(
      'it wraps in the size of an MDL',
      'an MDL for',
      sizing((address, bytes) => 48 + 8 * wrapped(address, bytes)),
    ),
    planted(
      'long ranges have no span',
      'the span of 2^52 bytes',
      spanning(() => 0),
    ),
  ],
  'mdl/initialised-header': [
    planted(
      'Next is left alone',
      'Next at byte 0',
      initialised((mdl) => mdl.header.set('Next', 0xa5a5_a5a5_a5a5_a5a5n)),
    ),
    planted(
      'Size counts the header only',
      'Size at byte 8',
      initialised((mdl) => mdl.header.set('Size', 48)),
    ),
    planted('a flag is set', 'MdlFlags at byte 10', initialised(flag(MdlFlags.MDL_ALLOCATED_FIXED_SIZE))),
    planted(
      'StartVa keeps the offset',
      'StartVa at byte 32',
      initialised((mdl) => mdl.header.set('StartVa', 0x1234_5678_9abcn)),
    ),
    planted(
      'ByteCount is rounded up',
      'ByteCount at byte 40',
      initialised((mdl) => mdl.header.set('ByteCount', 3 * 4096)),
    ),
    planted(
      'ByteOffset is left out',
      'ByteOffset at byte 44',
      initialised((mdl) => mdl.header.set('ByteOffset', 0)),
    ),
    planted(
      'Process is cleared',
      'Process and MappedSystemVa',
      initialised((mdl) => mdl.header.set('Process', 0n)),
    ),
    planted(
      'MappedSystemVa is cleared',
      'Process and MappedSystemVa',
      initialised((mdl) => mdl.header.set('MappedSystemVa', 0n)),
    ),
    planted(
      'the array is cleared',
      'the page numbers',
      initialised((mdl) => void mdl.slots().fill(0n)),
    ),
  ],
  'mdl/size-keeps-16-bits': [
    planted(
      'it stays at the largest',
      'Size for 8186 pages',
      initialised((mdl) => mdl.header.set('Size', Math.min(0xffff, 48 + 8 * mdl.capacity))),
    ),
    planted(
      'the pages are counted by it',
      'the last of 8186 page numbers',
      locked(({ mdl }) => void mdl.slots().fill(0n, Math.max(0, (mdl.header.get('Size') - 48) / 8))),
    ),
  ],
  'mdl/flag-bits': [
    planted(
      'one is set from the beginning',
      'flags once it is initialised',
      initialised(flag(MdlFlags.MDL_IO_PAGE_READ)),
    ),
    planted(
      'locked is another bit',
      'flags, locked for reading',
      locked(({ mdl }) => void (mdl.MdlFlags ^= 0x6)),
    ),
    planted('mapped is another bit', 'flags, locked and mapped', mapped(flag(0x9))),
    planted(
      'a flag stays',
      'flags, unlocked',
      unlocking((mm, mdl) => {
        mm.MmUnlockPages(mdl)
        mdl.MdlFlags |= MdlFlags.MDL_WRITE_OPERATION
      }),
    ),
    planted(
      'writing is another bit',
      'flags, locked for writing',
      locked(({ mdl, operation }) => void (mdl.MdlFlags ^= operation === 0 ? 0 : 0xc0)),
    ),
    planted('nonpaged is another bit', 'flags, built over nonpaged pool', built(flag(0xc))),
    planted('allocated pages are marked', 'flags of a page allocation', mdls(flag(MdlFlags.MDL_DESCRIBES_AWE))),
  ],
}
