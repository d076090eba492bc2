import type { Mdl } from '../mm/mdl.ts'

/** Of an IRP, what the routines for MDLs use: its chain of MDLs (MDL-024, MDL-025). No rule tells its layout. */
export class Irp {
  /** The first MDL of the chain, or null. The others follow by Next. */
  MdlAddress: Mdl | null = null
}
