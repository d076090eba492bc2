import { describeCapturePin } from './capture-pin.ts'
import { describeLettingGo } from './letting-go.ts'
import { describeLostDevice } from './lost-device.ts'
import { describeMappingRules } from './mapping-rules.ts'
import { describeNvme } from './nvme.ts'
import { describePciContract } from './pci-contract.ts'

describePciContract('iommufd', { lacks: ['entry-limit'] })
describeMappingRules('iommufd')
describeNvme('iommufd')
describeCapturePin('iommufd')
describeLostDevice('iommufd')
// The last, for it takes the device away.
describeLettingGo('iommufd')
