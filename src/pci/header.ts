import { type FieldSpec, type RegisterSpec, choice, flag, number, register } from './register.ts'

/** DEVSEL timing is of no use on PCI Express, where it reads as fast. */
const DEVSEL = ['fast', 'medium', 'slow', 'reserved']
const PIN = ['none', 'A', 'B', 'C', 'D']

/** PCIe 7.5.1.1.3 */
export const command = register('Control', 0x04, 2, 'PCIe 7.5.1.1.3', [
  flag(0, 'I/O'),
  flag(1, 'Mem'),
  flag(2, 'BusMaster'),
  flag(3, 'SpecCycle'),
  flag(4, 'MemWINV'),
  flag(5, 'VGASnoop'),
  flag(6, 'ParErr'),
  flag(7, 'Stepping'),
  flag(8, 'SERR'),
  flag(9, 'FastB2B'),
  flag(10, 'DisINTx'),
])

/** Bits 5 to 15, which the secondary status of a bridge shares but for SERR. */
const errors = (serr: string): readonly FieldSpec[] => [
  flag(5, '66MHz'),
  flag(7, 'FastB2B'),
  flag(8, 'ParErr'),
  choice(9, 2, 'DEVSEL', DEVSEL),
  flag(11, '>TAbort'),
  flag(12, '<TAbort'),
  flag(13, '<MAbort'),
  flag(14, serr),
  flag(15, '<PERR'),
]

/** PCIe 7.5.1.1.4; UDF is of PCI 2.1. */
export const status = register('Status', 0x06, 2, 'PCIe 7.5.1.1.4', [
  flag(0, 'ImmReady'),
  flag(3, 'INTx'),
  flag(4, 'Cap'),
  flag(6, 'UDF'),
  ...errors('>SERR'),
])

/** In each header type at the same place. */
export const interruptPin = register('InterruptPin', 0x3d, 1, 'PCIe 7.5.1.1.13', [choice(0, 8, 'Pin', PIN)])
export const interruptLine = register('InterruptLine', 0x3c, 1, 'PCIe 7.5.1.1.12', [number(0, 8, 'Line')])

/** Of every header type, also of those that are not known any further. */
export const commonHeader: readonly RegisterSpec[] = [
  command,
  status,
  register('CacheLineSize', 0x0c, 1, 'PCIe 7.5.1.1.7', [
    number(0, 8, 'Size', { unit: 'bytes', value: (words) => words * 4 }),
  ]),
  register('LatencyTimer', 0x0d, 1, 'PCIe 7.5.1.1.8', [number(0, 8, 'Clocks')]),
  register('HeaderType', 0x0e, 1, 'PCIe 7.5.1.1.9', [
    choice(0, 7, 'Layout', ['device', 'PCI bridge', 'CardBus bridge']),
    flag(7, 'MultiFunction'),
  ]),
  register('BIST', 0x0f, 1, 'PCIe 7.5.1.1.10', [number(0, 4, 'Code'), flag(6, 'Start'), flag(7, 'Capable')]),
  interruptLine,
  interruptPin,
]

export const endpointHeader: readonly RegisterSpec[] = [
  ...commonHeader,
  // Conventional PCI only (PCI 6.2.4); zero on PCI Express.
  register('MinGnt', 0x3e, 1, 'PCIe 7.5.1.2.5', [
    number(0, 8, 'Time', { unit: 'µs', value: (quarters) => quarters / 4 }),
  ]),
  register('MaxLat', 0x3f, 1, 'PCIe 7.5.1.2.5', [
    number(0, 8, 'Time', { unit: 'µs', value: (quarters) => quarters / 4 }),
  ]),
]

export const bridgeHeader: readonly RegisterSpec[] = [
  ...commonHeader,
  register('Bus', 0x18, 4, 'PCIe 7.5.1.3.2 to 7.5.1.3.5', [
    number(0, 8, 'Primary'),
    number(8, 8, 'Secondary'),
    number(16, 8, 'Subordinate'),
    number(24, 8, 'Latency'),
  ]),
  register('SecondaryStatus', 0x1e, 2, 'PCIe 7.5.1.3.7', errors('<SERR')),
  register('BridgeCtl', 0x3e, 2, 'PCIe 7.5.1.3.13', [
    flag(0, 'Parity'),
    flag(1, 'SERR'),
    flag(2, 'NoISA'),
    flag(3, 'VGA'),
    flag(4, 'VGA16'),
    flag(5, 'MAbort'),
    flag(6, '>Reset'),
    flag(7, 'FastB2B'),
    flag(8, 'PriDiscTmr'),
    flag(9, 'SecDiscTmr'),
    flag(10, 'DiscTmrStat'),
    flag(11, 'DiscTmrSERREn'),
  ]),
]
