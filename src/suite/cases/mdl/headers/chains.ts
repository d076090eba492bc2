import { va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { Irp } from '../../../../ddi/io/irp.ts'
import { type Mdl, MmGetMdlByteCount } from '../../../../ddi/mm/mdl.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import { homeBytes } from '../../parts/home-bytes.ts'

export const chainCases: readonly Case[] = [
  {
    id: 'mdl/primary-becomes-first',
    title: 'the MDL of a primary buffer is the first of its IRP, and a second primary one is refused',
    rules: ['MDL-024'],
    run: (context) => {
      const { check, ddi } = context
      const irp = new Irp()
      const first = allocateFor(context, irp, 1, false)
      check.equal(irp.MdlAddress?.address, first.address, 'MdlAddress')
      check.callerError('MDL-024', 'another primary buffer', () => allocateFor(context, irp, 2, false))
      check.equal(irp.MdlAddress?.address, first.address, 'MdlAddress after it')
      ddi.io.IoFreeMdl(first)
    },
  },
  {
    id: 'mdl/secondary-goes-to-the-end',
    title: 'each secondary MDL is appended to the chain of its IRP, whose last Next is NULL',
    rules: ['MDL-025'],
    run: (context) => {
      const { check, ddi } = context
      const irp = new Irp()
      const chain = [1, 2, 3, 4].map((pages) => allocateFor(context, irp, pages, pages > 1))
      check.equal(irp.MdlAddress?.address, chain[0]?.address, 'MdlAddress')
      chain.forEach((mdl, i) => check.equal(nextOf(context, mdl), chain[i + 1]?.address ?? 0n, `Next of MDL ${i}`))
      chain.forEach((mdl, i) => check.equal(MmGetMdlByteCount(mdl), (i + 1) * PAGE_SIZE, `ByteCount of MDL ${i}`))
      for (const mdl of chain) ddi.io.IoFreeMdl(mdl)
    },
  },
  {
    id: 'mdl/free-leaves-the-rest-of-a-chain',
    title: 'IoFreeMdl frees one MDL and none that follows it: a chain goes back one by one',
    rules: ['MDL-027'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const before = kernel.pool.blocks
      const irp = new Irp()
      const chain = [1, 2, 3].map((pages) => allocateFor(context, irp, pages, pages > 1))
      chain.forEach((mdl, i) => {
        ddi.io.IoFreeMdl(mdl)
        check.equal(kernel.pool.blocks, before + 2 - i, `pool blocks in use after freeing MDL ${i}`)
      })
    },
  },
  {
    id: 'mdl/chain-with-a-freed-mdl-is-refused',
    title: 'a chain that leads to a freed MDL is noticed when something is appended to it',
    rules: ['MDL-025', 'MDL-027'],
    run: (context) => {
      const { check, ddi } = context
      const irp = new Irp()
      const [first, second] = [allocateFor(context, irp, 1, false), allocateFor(context, irp, 2, true)]
      ddi.io.IoFreeMdl(second)
      check.callerError('MDL-027', 'appending to a freed MDL', () => allocateFor(context, irp, 3, true))
      first.header.set('Next', 0n)
      const third = allocateFor(context, irp, 3, true)
      check.equal(nextOf(context, first), third.address, 'Next once the driver has mended the chain')
      for (const mdl of [first, third]) ddi.io.IoFreeMdl(mdl)
    },
  },
]

/** IoAllocateMdl for an IRP that must succeed. */
function allocateFor({ check, ddi }: Context, irp: Irp, pages: number, secondary: boolean): Mdl {
  const mdl = ddi.io.IoAllocateMdl(va(0x7000_0000), pages * PAGE_SIZE, secondary, false, irp)
  return check.present(mdl, `an MDL for ${pages} pages`)
}

/** Next, the pointer at byte 0 (MDL-001). */
const nextOf = (context: Context, mdl: Mdl): bigint => homeBytes(context, mdl.address, 48).getBigUint64(0, true)
