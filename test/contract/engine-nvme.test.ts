import { describeEngineContract } from './engine.ts'
import { openNvmeBench } from './nvme/bench.ts'

describeEngineContract('nvme on a modelled controller', () => openNvmeBench())
describeEngineContract('nvme on one that notices what it was refused', () => openNvmeBench({ notices: true }))
