import { classNames } from './class-names.ts'

/** Names by id, each absent where the list has none. */
export interface PciNames {
  vendor(vendor: number): string | undefined
  device(vendor: number, device: number): string | undefined
  /** Of a card that carries the device. */
  subsystem(vendor: number, device: number, subsystemVendor: number, subsystem: number): string | undefined
  /** @param classCode 24 bits; the name of the subclass, or else of the base class */
  className(classCode: number): string | undefined
  /** @param classCode 24 bits */
  programmingInterface(classCode: number): string | undefined
}

/** `8086` and the like to names; a device's key is `8086 10d3`, a subsystem's `8086 10d3 1af4 1100`. */
interface Tables {
  readonly devices: Map<string, string>
  readonly classes: Map<string, string>
}

/** Names without a list: classes only, as far as Probar knows them itself. */
export const builtInNames: PciNames = names({ devices: new Map(), classes: new Map() })

/**
 * Reads the text of a pci.ids file (format: the comment at its head; https://pci-ids.ucw.cz). A line that is not
 * understood is skipped, because newer lists may hold more than today's.
 */
export function parsePciIds(text: string): PciNames {
  const tables: Tables = { devices: new Map(), classes: new Map() }
  let table: Map<string, string> | undefined
  const path: string[] = []
  for (const line of text.split('\n')) {
    const indent = depthOf(line)
    // A part that begins with a letter, such as that of the classes, has it in front of each of its ids without indent.
    const isClass = line.startsWith('C ')
    const start = isClass ? 2 : indent
    const end = line.indexOf('  ', start)
    const [id, name] = [line.slice(start, end), line.slice(end + 2).trim()]
    const known = end !== -1 && name !== '' && ID.test(id)
    if (indent === 0 && line !== '' && !line.startsWith('#')) table = sectionOf(known, isClass, tables)
    if (!known) continue
    path.splice(indent, path.length, id)
    table?.set(path.join(' '), name)
  }
  return names(tables)
}

/** `8086`, `1af4 1100` behind two tabs, or `0c` in the part of the classes. */
const ID = /^(?:[0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{4} [0-9a-f]{4})$/

const depthOf = (line: string): number => (line.startsWith('\t') ? (line.startsWith('\t\t') ? 2 : 1) : 0)

function sectionOf(known: boolean, isClass: boolean, { devices, classes }: Tables): Map<string, string> | undefined {
  if (!known) return undefined
  return isClass ? classes : devices
}

function names({ devices, classes }: Tables): PciNames {
  return {
    vendor: (vendor) => devices.get(word(vendor)),
    device: (vendor, device) => devices.get(`${word(vendor)} ${word(device)}`),
    subsystem: (...ids) => devices.get(ids.map(word).join(' ')),
    className: (code) => {
      const [base, subclass] = classBytes(code)
      return (
        classes.get(`${base} ${subclass}`) ?? classNames[`${base}${subclass}`] ?? classes.get(base) ?? classNames[base]
      )
    },
    programmingInterface: (code) => classes.get(classBytes(code).join(' ')),
  }
}

const word = (id: number): string => id.toString(16).padStart(4, '0')

function classBytes(code: number): readonly [base: string, subclass: string, programming: string] {
  const digits = code.toString(16).padStart(6, '0')
  return [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 6)]
}
