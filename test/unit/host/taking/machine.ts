import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { driverOf } from '../../../../src/host/linux/taking/binding.ts'
import type { TakingPlaces } from '../../../../src/host/linux/taking/places.ts'
import type { TakeOptions } from '../../../../src/host/linux/taking/take.ts'
import { loadNative } from '../../../../src/native/load.ts'
import { type FakeFunction, FakeSysfs } from '../sysfs.ts'
import { fakeKernel, loadDriver, overrideOf } from './fake-kernel.ts'

export const NIC = '0000:03:00.0'
export const AUDIO = '0000:03:00.1'
export const BRIDGE = '0000:02:00.0'

/** A card of two functions and the bridge above them, in one group. */
export const CARD: Readonly<Record<string, FakeFunction>> = {
  [NIC]: { driver: 'e1000e', group: 7, neighbours: [AUDIO, BRIDGE] },
  [AUDIO]: { group: 7, neighbours: [NIC, BRIDGE] },
  [BRIDGE]: { driver: 'pcieport', group: 7, neighbours: [NIC, AUDIO], config: bridgeConfig() },
}

/** Functions whose drivers can be changed, and folders for leases and journals. Nothing of the real machine is touched. */
export class FakeMachine implements Disposable {
  readonly sysfs: FakeSysfs
  readonly bus: string
  readonly folder = mkdtempSync(join(tmpdir(), 'probar-taking-'))
  readonly places: TakingPlaces
  /** Everything that was written, as `0000:03:00.0/driver_override vfio-pci`. */
  readonly written: string[] = []
  /** May throw before a write happens, or do something. */
  before: (what: string) => void = () => undefined

  constructor(functions: Readonly<Record<string, FakeFunction>> = CARD) {
    this.sysfs = new FakeSysfs(functions)
    this.bus = dirname(this.sysfs.path)
    for (const [address, { driver }] of Object.entries(functions)) this.#complete(address, driver)
    for (const name of ['vfio-pci', 'e1000e', 'pcieport', 'other']) loadDriver(this.bus, name)
    mkdirSync(join(this.folder, 'proc'))
    writeFileSync(join(this.folder, 'boot_id'), 'this-boot\n')
    const kernel = fakeKernel(this.bus)
    this.places = {
      bus: this.bus,
      leases: join(this.folder, 'leases'),
      journals: [join(this.folder, 'journals'), join(this.folder, 'leases')],
      bootIdFile: join(this.folder, 'boot_id'),
      processes: join(this.folder, 'proc'),
      write: (path, text) => {
        const what = `${path.slice(this.bus.length + 1).replace('devices/', '')} ${text.trim()}`.trim()
        this.before(what)
        this.written.push(what)
        kernel(path, text)
      },
      loadModule: () => {
        throw new Error('no modules here')
      },
      refuseUse: () => undefined,
      now: () => new Date(0),
    }
  }

  options(more: Partial<TakeOptions> = {}): TakeOptions {
    return { locks: loadNative().locks, purpose: 'a test', places: this.places, ...more }
  }

  driver(address: string): string | null {
    return driverOf(address, this.bus)
  }

  override(address: string): string {
    return overrideOf(this.bus, address)
  }

  /** Names in the folder of journals. */
  get journals(): readonly string[] {
    try {
      return readdirSync(join(this.folder, 'journals'))
    } catch {
      return []
    }
  }

  [Symbol.dispose](): void {
    this.sysfs[Symbol.dispose]()
    rmSync(this.folder, { recursive: true })
  }

  #complete(address: string, driver: string | undefined): void {
    const file = (name: string): string => join(this.sysfs.path, address, name)
    writeFileSync(file('driver_override'), '(null)\n')
    writeFileSync(file('knows'), driver ?? '')
  }
}

function bridgeConfig(): Uint8Array {
  const config = new Uint8Array(256)
  config[0x0e] = 1
  return config
}
