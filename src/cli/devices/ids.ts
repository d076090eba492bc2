import type { ListedDevice } from '../../session/machine/list-devices.ts'

/** `8086:10d3`, as lspci and pci.ids write it. */
export const idPair = (first: number, second: number): string => `${word(first)}:${word(second)}`

const word = (id: number): string => id.toString(16).padStart(4, '0')

/** What `--device` takes, as short as it can be: a PCI function's address alone. */
export const shortReference = ({ ref }: ListedDevice): string => ref.replace(/^vfio:/, '')
