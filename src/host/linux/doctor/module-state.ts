import type { SystemFiles } from '../system-files.ts'

/** `untold`: it is not there, and the list of this kernel's modules can't be read. */
export type ModuleState = 'loaded' | 'built-in' | 'loadable' | 'missing' | 'untold'

/** @param name with underscores, as /sys/module has it */
export function moduleState(files: SystemFiles, name: string, release: string | undefined): ModuleState {
  if (files.exists(`/sys/module/${name}`)) {
    return files.exists(`/sys/module/${name}/initstate`) ? 'loaded' : 'built-in'
  }
  const folder = `/lib/modules/${release}`
  const builtIn = files.text(`${folder}/modules.builtin`)
  const loadable = files.text(`${folder}/modules.dep`)
  if (lists(builtIn, name, /$/m)) return 'built-in'
  if (lists(loadable, name, /:/)) return 'loadable'
  return builtIn === undefined && loadable === undefined ? 'untold' : 'missing'
}

/** A line begins with the module's path, `kernel/drivers/vfio/pci/vfio-pci.ko.xz`, where `-` stands for `_` as well. */
function lists(text: string | undefined, name: string, end: RegExp): boolean {
  const file = name.replaceAll('_', '[-_]')
  return text !== undefined && new RegExp(`^(?:\\S*/)?${file}\\.ko(?:\\.\\w+)?(?:${end.source})`, 'm').test(text)
}
