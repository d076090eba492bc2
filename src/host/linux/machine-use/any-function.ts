import { basename } from 'node:path'
import { type Kind, functionsOnWay } from './carriers.ts'
import type { SystemFiles } from '../system-files.ts'

/** The chains of all functions that something of the kind could rest on. */
export function anyFunction(files: SystemFiles, kind: Kind): readonly (readonly string[])[] {
  const folders = kind === 'storage' ? STORAGE : ['/sys/class/net']
  const devices = folders.flatMap((folder) =>
    files.names(folder).flatMap((name) => files.real(`${folder}/${name}`) ?? []),
  )
  const chains = devices.map((path) => functionsOnWay(files, path)).filter((chain) => chain.length > 0)
  return kind === 'storage' ? chains : [...chains, ...networkControllers(files)]
}

const STORAGE = [
  '/sys/class/block',
  '/sys/class/nvme',
  '/sys/bus/virtio/drivers/9pnet_virtio',
  '/sys/bus/virtio/drivers/virtiofs',
]

/** Their interfaces may lie in another network namespace, where they are not seen; a driver that they have is. */
function networkControllers(files: SystemFiles): readonly (readonly string[])[] {
  const folder = '/sys/bus/pci/devices'
  return files.names(folder).flatMap((address) => {
    const driver = files.link(`${folder}/${address}/driver`)
    const network = files.text(`${folder}/${address}/class`)?.startsWith('0x02') === true
    if (!network || driver === undefined || PASSED_ON.has(basename(driver))) return []
    return [functionsOnWay(files, files.real(`${folder}/${address}`) ?? '')]
  })
}

/** Drivers that give a function to a program, so that the kernel itself uses it for nothing. */
const PASSED_ON: ReadonlySet<string> = new Set(['vfio-pci', 'pci-stub', 'uio_pci_generic', 'igb_uio'])
