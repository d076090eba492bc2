import { readFileSync } from 'node:fs'
import { systemErrorCode } from '../../base/system-error.ts'
import { type PciNames, builtInNames, parsePciIds } from '../../pci/ids/pci-ids.ts'

/** Where distributions put the list: Debian and Ubuntu, Fedora and Arch, others, and update-pciids by hand. */
const PLACES = [
  '/usr/share/misc/pci.ids',
  '/usr/share/hwdata/pci.ids',
  '/usr/share/pci.ids',
  '/usr/local/share/pciids/pci.ids',
  '/var/lib/pciutils/pci.ids',
]

/** Names from the machine's list, or the few built-in ones where it has none. A list that can't be read counts as none. */
export function readPciNames(places: readonly string[] = PLACES): PciNames {
  for (const place of places) {
    try {
      return parsePciIds(readFileSync(place, 'utf8'))
    } catch (error) {
      if (!ABSENT.has(systemErrorCode(error) ?? '')) throw error
    }
  }
  return builtInNames
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'])
