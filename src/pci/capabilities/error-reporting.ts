import { type FieldSpec, type RegisterSpec, address, flag, number, register } from '../register.ts'
import type { CapabilityDecoder, PortType } from '../capability.ts'

/** The same bits in status, mask and severity (PCIe 7.8.4.2). */
const uncorrectable: readonly FieldSpec[] = [
  flag(4, 'DLP'),
  flag(5, 'SDES'),
  flag(12, 'TLP'),
  flag(13, 'FCP'),
  flag(14, 'CmpltTO'),
  flag(15, 'CmpltAbrt'),
  flag(16, 'UnxCmplt'),
  flag(17, 'RxOF'),
  flag(18, 'MalfTLP'),
  flag(19, 'ECRC'),
  flag(20, 'UnsupReq'),
  flag(21, 'ACSViol'),
  flag(22, 'UncorrIntErr'),
  flag(23, 'BlockedTLP'),
  flag(24, 'AtomicOpBlocked'),
  flag(25, 'TLPBlockedErr'),
  flag(26, 'PoisonTLPBlocked'),
]

/** The same bits in status and mask (PCIe 7.8.4.5). */
const correctable: readonly FieldSpec[] = [
  flag(0, 'RxErr'),
  flag(6, 'BadTLP'),
  flag(7, 'BadDLLP'),
  flag(8, 'Rollover'),
  flag(12, 'Timeout'),
  flag(13, 'AdvNonFatalErr'),
  flag(14, 'CorrIntErr'),
  flag(15, 'HeaderOF'),
]

const registers: readonly RegisterSpec[] = [
  register('UESta', 0x04, 4, 'PCIe 7.8.4.2', uncorrectable),
  register('UEMsk', 0x08, 4, 'PCIe 7.8.4.3', uncorrectable),
  register('UESvrt', 0x0c, 4, 'PCIe 7.8.4.4', uncorrectable),
  register('CESta', 0x10, 4, 'PCIe 7.8.4.5', correctable),
  register('CEMsk', 0x14, 4, 'PCIe 7.8.4.6', correctable),
  register('AERCap', 0x18, 4, 'PCIe 7.8.4.7', [
    number(0, 5, 'First Error Pointer'),
    flag(5, 'ECRCGenCap'),
    flag(6, 'ECRCGenEn'),
    flag(7, 'ECRCChkCap'),
    flag(8, 'ECRCChkEn'),
    flag(9, 'MultHdrRecCap'),
    flag(10, 'MultHdrRecEn'),
    flag(11, 'TLPPfxPres'),
    flag(12, 'HdrLogCap'),
  ]),
  ...[0, 1, 2, 3].map((dword) =>
    register(`HeaderLog${dword}`, 0x1c + 4 * dword, 4, 'PCIe 7.8.4.8', [address(0, 32, 'Dword')]),
  ),
]

const rootRegisters: readonly RegisterSpec[] = [
  register('RootCmd', 0x2c, 4, 'PCIe 7.8.4.9', [flag(0, 'CERptEn'), flag(1, 'NFERptEn'), flag(2, 'FERptEn')]),
  register('RootSta', 0x30, 4, 'PCIe 7.8.4.10', [
    flag(0, 'CERcvd'),
    flag(1, 'MultCERcvd'),
    flag(2, 'UERcvd'),
    flag(3, 'MultUERcvd'),
    flag(4, 'FirstFatal'),
    flag(5, 'NonFatalMsg'),
    flag(6, 'FatalMsg'),
    number(27, 5, 'IntMsg'),
  ]),
  register('ErrorSrc', 0x34, 4, 'PCIe 7.8.4.11', [address(0, 16, 'ERR_COR'), address(16, 16, 'ERR_FATAL/NONFATAL', 1)]),
]

/** Root ports and event collectors. */
const COLLECTS: readonly (PortType | undefined)[] = [4, 10]

/** Advanced Error Reporting, extended id 0001 (PCIe 7.8.4). */
export const errorReporting: CapabilityDecoder = ({ express }) =>
  COLLECTS.includes(express)
    ? { length: 0x38, registers: [...registers, ...rootRegisters] }
    : { length: 0x2c, registers }
