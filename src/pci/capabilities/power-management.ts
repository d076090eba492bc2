import { choice, flag, number, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

/** mA, by code (PCIe 7.5.2.1). */
const AUX_CURRENT = [0, 55, 100, 160, 220, 270, 320, 375]

const registers = [
  register('PMC', 2, 2, 'PCIe 7.5.2.1', [
    number(0, 3, 'Version'),
    flag(3, 'PMEClk'),
    flag(4, 'ImmReadyD0'),
    flag(5, 'DSI'),
    number(6, 3, 'AuxCurrent', { unit: 'mA', value: (code) => AUX_CURRENT[code] ?? 0 }),
    flag(9, 'D1'),
    flag(10, 'D2'),
    // Whether a wake-up event can be raised from each state.
    flag(11, 'PME(D0)'),
    flag(12, 'PME(D1)'),
    flag(13, 'PME(D2)'),
    flag(14, 'PME(D3hot)'),
    flag(15, 'PME(D3cold)'),
  ]),
  register('PMCSR', 4, 2, 'PCIe 7.5.2.2', [
    choice(0, 2, 'State', ['D0', 'D1', 'D2', 'D3hot']),
    flag(3, 'NoSoftRst'),
    flag(8, 'PME-Enable'),
    number(9, 4, 'DSel'),
    number(13, 2, 'DScale'),
    flag(15, 'PME'),
  ]),
  register('PMData', 7, 1, 'PCIe 7.5.2.3', [number(0, 8, 'Data')]),
]

/** Power Management, id 01 (PCIe 7.5.2). */
export const powerManagement: CapabilityDecoder = () => ({ length: 8, registers })
