import { ProbarError } from '../../base/errors.ts'
import { sectionOf } from './elf.ts'

/** Where modules come from: the files of one kernel by module name. */
export interface ModuleSource {
  /** The module's bytes, uncompressed; undefined when there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Whether the kernel has it built in. */
  isBuiltIn(name: string): boolean
}

export interface LoadableModule {
  readonly name: string
  readonly bytes: Uint8Array
}

/** `vfio-pci.ko.xz` and `vfio_pci` are one module: the kernel takes - and _ for the same. */
export function moduleName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1)
  return file.replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_')
}

/** The names in a list of modules: one a line, `#` starts a comment. */
export function parseModuleList(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
}

/**
 * The modules and all that they depend on, each after its dependencies.
 * @throws ProbarError lab-boot-failed for a module that is neither there nor built in, or a circle
 */
export async function loadOrder(names: readonly string[], source: ModuleSource): Promise<LoadableModule[]> {
  const order = new Map<string, LoadableModule>()
  const add = async (name: string, users: readonly string[]): Promise<void> => {
    const wanted = moduleName(name)
    if (order.has(wanted) || source.isBuiltIn(wanted)) return
    const chain = [...users, wanted]
    if (users.includes(wanted)) throw new ProbarError('lab-boot-failed', `modules in a circle: ${chain.join(' → ')}`)
    const bytes = await source.read(wanted)
    if (bytes === undefined) throw new ProbarError('lab-boot-failed', `the kernel has no module ${chain.join(' → ')}`)
    for (const dependency of dependenciesOf(bytes)) await add(dependency, chain)
    order.set(wanted, { name: wanted, bytes })
  }
  for (const name of names) await add(name, [])
  return [...order.values()]
}

/** What a module names under `depends=` in its `.modinfo` section. */
export function dependenciesOf(module: Uint8Array): string[] {
  const info = sectionOf(module, '.modinfo') ?? new Uint8Array()
  const entries = Buffer.from(info).toString('latin1').split('\0')
  const depends = entries.find((entry) => entry.startsWith('depends='))?.slice('depends='.length) ?? ''
  return depends.split(',').filter((name) => name !== '')
}
