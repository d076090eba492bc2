import { describeDeviceContract } from '../contract/device.ts'
import { describeEngineContract } from '../contract/engine.ts'
import { openVfioBench, openVfioEngineBench } from './vfio-bench.ts'

/** The first device of the virtual bench. */
const ADDRESS = '0000:01:00.0'

describeDeviceContract(`vfio:${ADDRESS}`, () => openVfioBench(ADDRESS))
describeEngineContract(`edu through vfio:${ADDRESS}`, () => openVfioEngineBench(ADDRESS))
