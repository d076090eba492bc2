import { CallerError } from '../../../../../src/ddi/kernel/ledger.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import { freeing, headers, io } from '../../plants/broken-io.ts'
import { type Defects, planted } from '../../plants/defect.ts'

/** What is refused for the IRP is made without one. */
const chainIgnored = io((io) => ({
  IoAllocateMdl: (address, length, secondary, quota, irp) => {
    try {
      return io.IoAllocateMdl(address, length, secondary, quota, irp)
    } catch (error) {
      if (error instanceof CallerError) return io.IoAllocateMdl(address, length, false, quota, null)
      throw error
    }
  },
}))

/** MDLs are put in front of the chain. */
const prepending = io((io) => ({
  IoAllocateMdl: (address, length, secondary, quota, irp) => {
    const mdl = io.IoAllocateMdl(address, length, false, quota, null)
    if (mdl === null || irp === null) return mdl
    mdl.header.set('Next', secondary ? (irp.MdlAddress?.address ?? 0n) : 0n)
    irp.MdlAddress = mdl
    return mdl
  },
}))

/** A second primary MDL takes the place of the first, as it was on some systems. */
const overwriting = io((io) => ({
  IoAllocateMdl: (address, length, secondary, quota, irp) => {
    if (irp !== null && !secondary) irp.MdlAddress = null
    return io.IoAllocateMdl(address, length, secondary, quota, irp)
  },
}))

/** Defects for the cases of MDL chains. */
export const chainDefects: Defects = {
  'mdl/primary-becomes-first': [
    planted(
      'the IRP is left alone',
      'MdlAddress: expected',
      headers((_, __, irp) => {
        if (irp !== null) irp.MdlAddress = null
      }),
    ),
    planted('a second one overwrites the first', 'another primary buffer', overwriting),
    planted('a second one is left out', 'another primary buffer', chainIgnored),
    planted(
      'a refused one leaves the IRP without its MDL',
      'MdlAddress after it',
      io((io) => ({
        IoAllocateMdl: (address, length, secondary, quota, irp) => {
          try {
            return io.IoAllocateMdl(address, length, secondary, quota, irp)
          } catch (error) {
            if (irp !== null) irp.MdlAddress = null
            throw error
          }
        },
      })),
    ),
  ],
  'mdl/secondary-goes-to-the-end': [
    planted('it goes to the front', 'MdlAddress: expected', prepending),
    planted(
      'the last one leads back to the first',
      'Next of MDL 3',
      headers((mdl, _, irp) => {
        const length = mdl.header.get('ByteCount')
        if (irp?.MdlAddress !== null && irp !== null && length === 4 * 4096)
          mdl.header.set('Next', irp.MdlAddress.address)
      }),
    ),
    planted(
      'it follows the first',
      'Next of MDL 0',
      headers((mdl, _, irp) => {
        const first = irp?.MdlAddress
        if (first !== undefined && first !== null && first !== mdl) first.header.set('Next', mdl.address)
      }),
    ),
    planted(
      'the lengths add up',
      'ByteCount of MDL 1',
      headers((mdl) => mdl.header.set('ByteCount', 4096)),
    ),
  ],
  'mdl/free-leaves-the-rest-of-a-chain': [
    planted(
      'the whole chain is freed',
      'after freeing MDL 0',
      freeing((io, mdl, { mm }) => {
        for (let one: Mdl | null = mdl; one !== null;) {
          const next: Mdl | null = mm.nextOf('IoFreeMdl', one)
          io.IoFreeMdl(one)
          one = next
        }
      }),
    ),
    planted(
      'nothing is freed',
      'after freeing MDL 0',
      freeing(() => undefined),
    ),
  ],
  'mdl/chain-with-a-freed-mdl-is-refused': [
    planted('it is not noticed', 'appending to a freed MDL', chainIgnored),
    planted(
      'the mended chain stays as it is',
      'Next once the driver',
      headers((mdl, _, irp) => {
        const first = irp?.MdlAddress
        if (first !== undefined && first !== null && mdl.header.get('ByteCount') === 3 * 4096)
          first.header.set('Next', 0n)
      }),
    ),
  ],
}
