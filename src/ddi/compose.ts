import type { Device } from '../device/contract.ts'
import { Dma } from './dma/dma.ts'
import { Dxgk } from './dxgk/dxgk.ts'
import { Registers } from './dxgk/registers.ts'
import { Io } from './io/io.ts'
import type { Kernel } from './kernel/kernel.ts'
import { Ks } from './ks/ks.ts'
import { Mm } from './mm/mm.ts'
import { newMmState } from './mm/state.ts'
import { PortWaveRT } from './portcls/port-wave-rt.ts'
import { PortWaveRTStream } from './portcls/port-wave-rt-stream.ts'

/** The Windows contracts for one device, joined: each family by the routines' own names. */
export interface Ddi {
  readonly mm: Mm
  readonly io: Io
  readonly dma: Dma
  readonly ks: Ks
  readonly portcls: PortWaveRTStream
  readonly waveRT: PortWaveRT
  readonly dxgk: Dxgk
  readonly registers: Registers
}

export function composeDdi(kernel: Kernel, device: Device): Ddi {
  const state = newMmState(kernel, device.regions)
  const mm = new Mm(state)
  const dma = new Dma(kernel, mm, device.dma)
  return {
    mm,
    io: new Io(state),
    dma,
    ks: new Ks(kernel, mm, dma),
    portcls: new PortWaveRTStream(kernel, mm),
    waveRT: new PortWaveRT(kernel, mm),
    dxgk: new Dxgk(kernel, device),
    registers: new Registers(kernel),
  }
}
