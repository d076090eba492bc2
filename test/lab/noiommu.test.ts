import { describePciContract } from './pci-contract.ts'

describePciContract('noiommu', {
  lacks: ['placement', 'revocation', 'faults', 'entry-limit'],
  without: {
    'qemu-edu': 'huge pages lie anywhere in the memory, and it reaches only what lies below 256 MiB',
  },
})
