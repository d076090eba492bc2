import type { SystemFiles } from '../system-files.ts'

/** A line of /proc/PID/mountinfo (kernel: Documentation/filesystems/proc.rst, 3.5). */
export interface Mount {
  /** `259:2`; the major number 0 is of no block device. */
  readonly numbers: string
  readonly point: string
  readonly type: string
  readonly source: string
  /** Options of the file system itself, as `trans=virtio,addr=192.0.2.1`. */
  readonly options: string
}

export function parseMountInfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ', 2)
    if (after === undefined) return []
    const [, , numbers = '', , point = ''] = before.split(' ').map(unescaped)
    const [type = '', source = '', options = ''] = after.split(' ').map(unescaped)
    return [{ numbers, point, type, source, options }]
  })
}

/** What of a line of /proc/swaps can be in use: partitions and files. */
export function parseSwaps(text: string): readonly { readonly path: string; readonly kind: string }[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [path = '', kind = ''] = line.split(/\s+/)
      return path === '' ? [] : [{ path: unescaped(path), kind }]
    })
}

/** Blanks and the like are written as octal numbers: `\040`. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/**
 * The mounts of every mount namespace and every root folder that this user can see: what only a container or init has
 * mounted carries the machine as well.
 * @returns undefined where the kernel shows none
 */
export function readMounts(files: SystemFiles): readonly Mount[] | undefined {
  const own = files.text('/proc/self/mountinfo')
  if (own === undefined) return undefined
  const others = new Map<string, string>()
  for (const pid of files.names('/proc').filter((name) => /^\d+$/.test(name))) {
    const view = `${files.link(`/proc/${pid}/ns/mnt`)} ${files.link(`/proc/${pid}/root`)}`
    if (!others.has(view) || view === UNTOLD) others.set(view === UNTOLD ? pid : view, pid)
  }
  const texts = [...others.values()].map((pid) => files.text(`/proc/${pid}/mountinfo`) ?? '')
  // What this process sees by its own names is not told again by others'.
  const mounts = parseMountInfo(own)
  const known = new Set(mounts.map(identityOf))
  const hidden = new Map(texts.flatMap(parseMountInfo).map((mount) => [identityOf(mount), mount]))
  return [...mounts, ...[...hidden.values()].filter((mount) => !known.has(identityOf(mount)))]
}

const identityOf = ({ numbers, type, source }: Mount): string => `${numbers} ${type} ${source}`

/** Another user's process does not show its namespace, but its mounts. */
const UNTOLD = 'undefined undefined'
