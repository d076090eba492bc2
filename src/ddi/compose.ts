import type { Device } from '../device/contract.ts'
import { Dma } from './dma/dma.ts'
import { Dxgk } from './dxgk/dxgk.ts'
import { Registers } from './dxgk/registers.ts'
import type { Kernel } from './kernel/kernel.ts'
import { KsDevice } from './ks/ks-device.ts'
import { Mm } from './mm/mm.ts'
import { PortWaveRTStream } from './portcls/port-wave-rt-stream.ts'

/** The Windows contracts for one device, joined: each family by the routines' own names. */
export interface Ddi {
  readonly mm: Mm
  readonly dma: Dma
  readonly ks: KsDevice
  readonly portcls: PortWaveRTStream
  readonly dxgk: Dxgk
  readonly registers: Registers
}

export function composeDdi(kernel: Kernel, device: Device): Ddi {
  const mm = new Mm(kernel)
  return {
    mm,
    dma: new Dma(kernel, mm, device.dma),
    ks: new KsDevice(kernel),
    portcls: new PortWaveRTStream(kernel, mm),
    dxgk: new Dxgk(kernel, device),
    registers: new Registers(kernel),
  }
}
