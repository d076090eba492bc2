import { closeSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { systemErrorCode } from '../../../base/system-error.ts'
import type { SystemFiles } from '../system-files.ts'

const SECTOR = 512

/**
 * What a block device is a part of, whether that runs now or not: `an LVM physical volume`. From udev's notes, or where it
 * has none from the device's own superblocks. Undefined when it is none of these.
 * @param path of its folder in /sys
 */
export function memberOf(files: SystemFiles, path: string): string | undefined {
  const numbers = files.text(`${path}/dev`)?.trim()
  const notes = numbers === undefined ? undefined : files.text(`/run/udev/data/b${numbers}`)
  if (notes !== undefined && notes.includes('\nE:')) return MEMBERS[/^E:ID_FS_TYPE=(.*)$/m.exec(notes)?.[1] ?? '']
  const sectors = Number(files.text(`${path}/size`)?.trim() ?? 0)
  if (sectors === 0) return undefined
  return signature(files.place(`/dev/${basename(path).replaceAll('!', '/')}`), sectors)
}

/** By the names that libblkid and so udev use. */
const MEMBERS: Readonly<Record<string, string>> = {
  LVM2_member: 'an LVM physical volume',
  linux_raid_member: 'a member of an md array',
  zfs_member: 'a member of a ZFS pool',
  bcache: 'a part of a bcache set',
  isw_raid_member: 'a member of a firmware RAID',
  ddf_raid_member: 'a member of a firmware RAID',
}

/**
 * From the superblocks themselves: LVM2's label is in one of the first four sectors; md's is at 4 KiB (1.2), at 0 (1.1), or
 * near the end (1.0 and 0.90; kernel: include/uapi/linux/raid/md_p.h); a ring of ZFS's uberblocks is at 128 KiB.
 */
function signature(node: string, sectors: number): string | undefined {
  let file: number
  try {
    file = openSync(node, 'r')
  } catch (error) {
    return NO_MEDIUM.has(systemErrorCode(error) ?? '') ? undefined : UNREADABLE
  }
  try {
    return recognised((offset, length) => bytesAt(file, offset, length), sectors)
  } catch {
    return UNREADABLE
  } finally {
    closeSync(file)
  }
}

export const UNREADABLE = 'of unknown use, because neither udev nor the disk itself tells'
const NO_MEDIUM: ReadonlySet<string> = new Set(['ENOMEDIUM', 'ENXIO', 'ENODEV'])

function recognised(read: (offset: number, length: number) => Buffer, sectors: number): string | undefined {
  const head = read(0, 8 * SECTOR)
  for (let sector = 0; sector < 4; sector++) {
    const label = head.subarray(sector * SECTOR, (sector + 1) * SECTOR)
    if (label.toString('latin1', 0, 8) === 'LABELONE') return MEMBERS.LVM2_member
  }
  const places = [0, 8 * SECTOR, (Math.floor(sectors / 8) * 8 - 16) * SECTOR, (Math.floor(sectors / 128) - 1) * 65536]
  for (const place of places.filter((offset) => offset >= 0)) {
    if (read(place, 4).equals(MD_MAGIC)) return MEMBERS.linux_raid_member
  }
  const uberblocks = read(128 * 1024, 128 * 1024)
  for (let offset = 0; offset + 8 <= uberblocks.length; offset += 1024) {
    const magic = [uberblocks.readBigUInt64LE(offset), uberblocks.readBigUInt64BE(offset)]
    if (magic.includes(ZFS_MAGIC)) return MEMBERS.zfs_member
  }
  return undefined
}

const MD_MAGIC = Buffer.from('fc4e2ba9', 'hex')
const ZFS_MAGIC = 0xbab10cn

function bytesAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(file, bytes, 0, length, offset))
}
