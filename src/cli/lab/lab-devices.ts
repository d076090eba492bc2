import { resolve } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
import type { NamedPresentation } from '../../lab/presentation.ts'
import { loadProfile } from '../../profile/load.ts'

/** What `--devices all` puts into the bench, the first at 0000:01:00.0. New ones go to the end: addresses stay. */
export const BENCH_DEVICES: readonly string[] = [
  'qemu-edu',
  'qemu-edu-64',
  'qemu-pci-testdev',
  'qemu-nvme',
  'qemu-intel-hda',
  'qemu-e1000e',
  'qemu-ich9-ahci',
  'qemu-lsi53c895a',
  'qemu-ivshmem-plain',
  'qemu-bochs-display',
  'qemu-intel-hda-wav',
]

/**
 * What `--devices` names.
 * @param list `all`, `none`, or profiles: names or files, comma-separated
 * @throws ProbarError usage, profile-unknown, profile-invalid
 */
export function presentationsOf(list: string, cwd: string): NamedPresentation[] {
  if (list === 'none') return []
  const names = list === 'all' ? BENCH_DEVICES : list.split(',')
  return names.map((name) => {
    const presentation = loadProfile(/[/\\]|\.ya?ml$/.test(name) ? resolve(cwd, name) : name).lab?.qemu
    if (presentation !== undefined) return { name, presentation }
    throw new ProbarError('usage', `--devices ${name}: QEMU has no such device (the profile has no section lab.qemu)`)
  })
}
