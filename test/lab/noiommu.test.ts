import { describePciContract } from './pci-contract.ts'

// The device must reach any memory of the guest: it is started with a full DMA mask.
describePciContract('noiommu', { addressBits: 64, lacks: ['placement', 'revocation', 'faults'] })
