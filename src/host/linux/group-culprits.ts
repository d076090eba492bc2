/** A function of an IOMMU group and the driver that it has. */
export interface BoundMember {
  readonly address: string
  readonly driver: string | undefined
}

/** Drivers beside which the kernel gives a group away, because they leave DMA to its user (`driver_managed_dma`); or none. */
const HARMLESS: ReadonlySet<string | undefined> = new Set([undefined, 'vfio-pci', 'pci-stub', 'pcieport'])

/** The members that keep a group from being used. */
export const culpritsOf = <Member extends BoundMember>(members: readonly Member[]): readonly Member[] =>
  members.filter(({ driver }) => !HARMLESS.has(driver))

/** `0000:00:1f.3 on snd_hda_intel, …` */
export const culpritText = (culprits: readonly BoundMember[]): string =>
  culprits.map(({ address, driver }) => `${address} on ${driver}`).join(', ')
