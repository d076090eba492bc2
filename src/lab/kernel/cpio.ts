/** A file for the guest's first root. */
export interface ArchiveEntry {
  /** Path from the root, without a leading slash. */
  readonly path: string
  /** None: a folder. */
  readonly bytes?: Uint8Array
  readonly executable?: boolean
}

const FOLDER = 0o040755
const FILE = 0o100644
const PROGRAM = 0o100755

/**
 * A cpio archive in the "newc" format, which the kernel unpacks as its first root
 * (Documentation/driver-api/early-userspace/buffer-format.rst). All of it belongs to root and bears no time, so that
 * the same files give the same bytes.
 */
export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts = entries.map(({ path, bytes, executable }, index) => {
    const mode = bytes === undefined ? FOLDER : executable === true ? PROGRAM : FILE
    return record(path, index, mode, bytes ?? new Uint8Array())
  })
  return Buffer.concat([...parts, record('TRAILER!!!', 0, 0, new Uint8Array())])
}

function record(path: string, inode: number, mode: number, bytes: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`)
  const links = mode === FOLDER ? 2 : 1
  // inode, mode, user, group, links, time, size, device, device of a node, name's length, checksum
  const fields = [inode, mode, 0, 0, links, 0, bytes.length, 0, 0, 0, 0, name.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(bytes)])
}

/** Header with name, and data, each end on a multiple of four. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}
