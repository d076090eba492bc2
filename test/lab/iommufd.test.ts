import { describePciContract } from './pci-contract.ts'

describePciContract('iommufd')
