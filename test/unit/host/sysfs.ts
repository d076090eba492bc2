import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface FakeFunction {
  readonly ids?: { readonly vendor: number; readonly device: number }
  readonly driver?: string
  readonly group?: number
  /** What the BAR registers hold, by index. */
  readonly registers?: Readonly<Record<number, number>>
  /** Other functions of its group. */
  readonly neighbours?: readonly string[]
  /** Further files by name, such as `numa_node`, with their contents. */
  readonly files?: Readonly<Record<string, string>>
  /** Config space; instead of ids and registers. */
  readonly config?: Uint8Array
  /** Lines of the file `resource`, by index: start, end and flags. */
  readonly resources?: Readonly<Record<number, string>>
}

/** A folder that looks as the kernel's /sys/bus/pci/devices does, as far as Probar reads it. */
export class FakeSysfs implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'probar-sysfs-'))
  readonly path = join(this.#root, 'devices')

  constructor(functions: Readonly<Record<string, FakeFunction>>) {
    mkdirSync(this.path)
    for (const [address, fn] of Object.entries(functions)) this.#add(address, fn)
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true })
  }

  #add(address: string, fn: FakeFunction): void {
    const { driver, group, neighbours = [], files = {}, resources = {} } = fn
    const folder = join(this.path, address)
    mkdirSync(folder)
    writeFileSync(join(folder, 'config'), fn.config ?? configOf(fn))
    const nothing = '0x0000000000000000 0x0000000000000000 0x0000000000000000'
    const lines = Array.from({ length: 13 }, (_, index) => `${resources[index] ?? nothing}\n`)
    writeFileSync(join(folder, 'resource'), lines.join(''))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    if (driver !== undefined) symlinkSync(`../../bus/pci/drivers/${driver}`, join(folder, 'driver'))
    if (group === undefined) return
    const members = join(this.#root, 'groups', String(group), 'devices')
    mkdirSync(members, { recursive: true })
    for (const member of [address, ...neighbours]) writeFileSync(join(members, member), '')
    symlinkSync(join(this.#root, 'groups', String(group)), join(folder, 'iommu_group'))
  }
}

function configOf({ ids, registers = {} }: FakeFunction): Uint8Array {
  const config = new DataView(new ArrayBuffer(256))
  config.setUint16(0, ids?.vendor ?? 0x1234, true)
  config.setUint16(2, ids?.device ?? 0x11e8, true)
  for (const [index, value] of Object.entries(registers)) config.setUint32(0x10 + Number(index) * 4, value, true)
  return new Uint8Array(config.buffer)
}
