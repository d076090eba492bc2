import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
import { commandScript, quoteWord, settingsScript } from './words.ts'

/**
 * The folder that host and guest share beside the output folder:
 *
 *     settings   what lab/init reads
 *     command    the script that runs COMMAND
 *     bin/       programs that come first in COMMAND's PATH
 *     alive      written by the guest every ten seconds (heartbeat.ts)
 *     started    made by the guest just before COMMAND
 *     status     made by the guest after COMMAND: its exit status
 */
export interface GuestSettings {
  readonly command: readonly string[]
  /** COMMAND's current folder, the same in the guest as on the host. */
  readonly folder: string
  /** The output folder's path, the same in the guest as on the host. */
  readonly out: string
  /** PCI addresses for vfio-pci. */
  readonly bind: readonly string[]
  /** Without an IOMMU vfio-pci takes a device only in noiommu mode, which few kernels have. */
  readonly iommu: boolean
  /** vfio refuses an IOMMU without interrupt remapping unless told to accept that. */
  readonly unsafeInterrupts: boolean
  /** The mark that ends both streams. */
  readonly endMark: string
  /** The Node.js program. */
  readonly node: string
  /** What `probar` and `npx probar` run: the built command line. */
  readonly probarMain: string
}

/** In the guest, on memory: COMMAND's script and the programs of `bin/`. */
const RUN = '/run/probar-lab'

export async function writeGuestFolder(share: string, settings: GuestSettings): Promise<void> {
  const { command, folder, out, node, probarMain } = settings
  await mkdir(join(share, 'bin'))
  await writeFile(join(share, 'settings'), settingsScript(settingsOf(settings)))
  await writeFile(join(share, 'command'), commandScript(command, folder, out))
  await writeFile(join(share, 'bin/probar'), probarScript(node, probarMain), { mode: 0o755 })
  await writeFile(join(share, 'bin/npx'), npxScript(join(dirname(node), 'npx')), { mode: 0o755 })
}

/**
 * COMMAND's exit status.
 * @throws ProbarError lab-boot-failed when the guest left none, or something else
 */
export async function readStatus(share: string): Promise<number> {
  const text = await readFile(join(share, 'status'), 'utf8').catch(() => '')
  if (!/^\d{1,3}\n$/.test(text)) throw new ProbarError('lab-boot-failed', 'the guest left no exit status')
  return Number(text)
}

function settingsOf(settings: GuestSettings): Record<string, string> {
  return {
    LAB_RUN: RUN,
    LAB_OUT: settings.out,
    LAB_NODE: dirname(settings.node),
    LAB_BIND: settings.bind.join(' '),
    LAB_IOMMU: settings.iommu ? 'present' : 'none',
    LAB_UNSAFE_INTERRUPTS: settings.unsafeInterrupts ? 'Y' : 'N',
    LAB_END: settings.endMark,
  }
}

function probarScript(node: string, main: string): string {
  return `#!/bin/sh
main=${quoteWord(main)}
if [ ! -f "$main" ]; then
  echo "probar is not built: $main is missing; on the host: npm run build" >&2
  exit 127
fi
exec ${quoteWord(node)} "$main" "$@"
`
}

/** npx takes long under emulation, so what is installed is run without it. */
function npxScript(npx: string): string {
  return `#!/bin/sh
if [ "$1" = probar ]; then
  shift
  exec ${RUN}/bin/probar "$@"
fi
case $1 in
  '' | -* | */* | @*) exec ${quoteWord(npx)} "$@" ;;
esac
folder=$PWD
while :; do
  program=$folder/node_modules/.bin/$1
  if [ -x "$program" ]; then
    shift
    exec "$program" "$@"
  fi
  [ -n "$folder" ] || break
  folder=\${folder%/*}
done
exec ${quoteWord(npx)} "$@"
`
}
