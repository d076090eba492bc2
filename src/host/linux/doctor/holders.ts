import { parseHolder, told } from '../taking/holder.ts'
import type { SystemFiles } from '../system-files.ts'

/** A process that has a device of VFIO open. */
export interface Holder {
  readonly pid: number
  /** The name of its program, as the kernel has it. */
  readonly command: string
}

export interface Holders {
  readonly holders: readonly Holder[]
  /** Who has the lease of its group, in words; undefined when nobody is seen to. */
  readonly leasedBy: string | undefined
  /** All processes were looked at; else only those of this user. */
  readonly sawAllProcesses: boolean
}

/** Where leases lie, one for each group (../taking). */
export const LEASES = '/run/probar'

/** The processes that have one of these files open. Files of other users' processes are shown to root only. */
export function vfioHolders(files: SystemFiles, nodes: readonly string[], lease: string): Holders {
  const open = openFiles(files)
  const holding = open.filter(({ paths }) => nodes.some((node) => paths.includes(node)))
  const leased = open.some(({ paths }) => paths.includes(lease))
  return {
    holders: holding.map(({ pid }) => ({ pid, command: files.text(`/proc/${pid}/comm`)?.trim() ?? '' })),
    leasedBy: leased ? told(parseHolder(files.text(lease) ?? '')) : undefined,
    sawAllProcesses: open.every(({ seen }) => seen),
  }
}

/** Whether a process has the file open; one whose files this user may not see is taken for `pid`, which should have it. */
export const isOpen = (files: SystemFiles, path: string, pid: number): boolean =>
  openFiles(files).some((one) => one.paths.includes(path) || (one.pid === pid && !one.seen))

interface OpenFiles {
  readonly pid: number
  readonly paths: readonly string[]
  /** This user may see what the process has open. */
  readonly seen: boolean
}

function openFiles(files: SystemFiles): readonly OpenFiles[] {
  const pids = files.names('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => {
    const folder = `/proc/${pid}/fd`
    const paths = files.names(folder).flatMap((fd) => files.link(`${folder}/${fd}`) ?? [])
    return { pid: Number(pid), paths, seen: !files.denied.includes(folder) }
  })
}
