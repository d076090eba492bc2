import { describeDeviceContract } from './device.ts'
import { openLoopbackBench } from './loopback-bench.ts'

describeDeviceContract('loopback:edu', () => openLoopbackBench('loopback:edu'))
describeDeviceContract('loopback:edu with 16 MSI vectors', () => openLoopbackBench('loopback:edu?msi=16'))
describeDeviceContract('loopback:edu with all address bits', () =>
  openLoopbackBench('loopback:edu?dma_mask=0xffffffffffffffff'),
)
describeDeviceContract('loopback:sg', () => openLoopbackBench('loopback:sg'), ['edu'])
