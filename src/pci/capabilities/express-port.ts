import { type RegisterSpec, address, choice, flag, number, register } from '../register.ts'
import { powerLimit } from './express-device.ts'

const INDICATOR = ['Unknown', 'On', 'Blink', 'Off']

/** Of a port with a slot (PCIe 7.5.3.9 to 7.5.3.11). */
export const slotRegisters: readonly RegisterSpec[] = [
  register('SltCap', 0x14, 4, 'PCIe 7.5.3.9', [
    flag(0, 'AttnBtn'),
    flag(1, 'PwrCtrl'),
    flag(2, 'MRL'),
    flag(3, 'AttnInd'),
    flag(4, 'PwrInd'),
    flag(6, 'HotPlug'),
    flag(5, 'Surprise'),
    number(19, 13, 'SlotNumber'),
    number(7, 10, 'PowerLimit', { unit: 'W', value: powerLimit }),
    flag(17, 'Interlock'),
    flag(18, 'NoCompl'),
  ]),
  register('SltCtl', 0x18, 2, 'PCIe 7.5.3.10', [
    flag(0, 'AttnBtn'),
    flag(1, 'PwrFlt'),
    flag(2, 'MRL'),
    flag(3, 'PresDet'),
    flag(4, 'CmdCplt'),
    flag(5, 'HPIrq'),
    flag(12, 'LinkChg'),
    choice(6, 2, 'AttnInd', INDICATOR),
    choice(8, 2, 'PwrInd', INDICATOR),
    // Set means that the slot is without power.
    flag(10, 'PowerOff'),
    flag(11, 'Interlock'),
  ]),
  register('SltSta', 0x1a, 2, 'PCIe 7.5.3.11', [
    flag(0, 'AttnBtn'),
    flag(1, 'PowerFlt'),
    flag(5, 'MRL'),
    flag(4, 'CmdCplt'),
    flag(6, 'PresDet'),
    flag(7, 'Interlock'),
    flag(2, 'MRLChanged'),
    flag(3, 'PresDetChanged'),
    flag(8, 'LinkStateChanged'),
  ]),
]

/** Of a root port and an event collector (PCIe 7.5.3.12 to 7.5.3.14). */
export const rootRegisters: readonly RegisterSpec[] = [
  register('RootCap', 0x1e, 2, 'PCIe 7.5.3.13', [flag(0, 'CRSVisible')]),
  register('RootCtl', 0x1c, 2, 'PCIe 7.5.3.12', [
    flag(0, 'ErrCorrectable'),
    flag(1, 'ErrNon-Fatal'),
    flag(2, 'ErrFatal'),
    flag(3, 'PMEIntEna'),
    flag(4, 'CRSVisible'),
  ]),
  register('RootSta', 0x20, 4, 'PCIe 7.5.3.14', [
    address(0, 16, 'PMEReqID'),
    flag(16, 'PMEStatus'),
    flag(17, 'PMEPending'),
  ]),
]
