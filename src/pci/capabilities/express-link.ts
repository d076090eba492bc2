import { type FieldSpec, type RegisterSpec, bitsOf, choice, flag, number, readUnsigned, register } from '../register.ts'

const SPEEDS = ['unknown', '2.5GT/s', '5GT/s', '8GT/s', '16GT/s', '32GT/s', '64GT/s']
/** As a target, 0 stands for the lowest speed where the register is hardwired to zero (PCIe 7.5.3.19). */
const TARGETS = ['2.5GT/s', ...SPEEDS.slice(1)]
const width = (lanes: number): string => `x${lanes}`
const EXIT_L0S = ['<64ns', '<128ns', '<256ns', '<512ns', '<1us', '<2us', '<4us', '>4us']
const EXIT_L1 = ['<1us', '<2us', '<4us', '<8us', '<16us', '<32us', '<64us', '>64us']

/** `2.5-16GT/s`, as far as the speeds follow each other; else all of them. */
function speeds(vector: number): string {
  const names = SPEEDS.slice(1).filter((_, index) => bitsOf(vector, index, 1) === 1)
  if (names.length < 2) return names[0] ?? 'unknown'
  const gapless = Number.isInteger(Math.log2(vector + 1)) && vector < 0x40
  return gapless ? `${names[0]?.replace('GT/s', '')}-${names.at(-1)}` : names.join(',')
}

/**
 * Whether the link runs slower or narrower than the function could: the first thing to look at when a card is slow. Bits
 * 3:0 and 9:4 have the same meaning in capabilities and status.
 */
function downgraded(bytes: Uint8Array): FieldSpec {
  const able = readUnsigned(bytes, 0x0c, 4) ?? 0
  const less = (raw: number, low: number, width: number): boolean => bitsOf(raw, low, width) < bitsOf(able, low, width)
  return { label: 'Downgraded', low: 0, width: 10, value: (raw) => less(raw, 0, 4) || less(raw, 4, 6) }
}

/**
 * Capabilities, control and status (PCIe 7.5.3.6 to 7.5.3.8).
 * @param bytes of the capability, from its id on
 * @param downstream of a port that looks away from the root complex, where the lesser is what stands behind it
 */
export const linkRegisters = (bytes: Uint8Array, downstream: boolean): readonly RegisterSpec[] => [
  register('LnkCap', 0x0c, 4, 'PCIe 7.5.3.6', [
    number(24, 8, 'Port'),
    choice(0, 4, 'Speed', SPEEDS),
    number(4, 6, 'Width', { value: width }),
    choice(10, 2, 'ASPM', ['not supported', 'L0s', 'L1', 'L0s L1']),
    choice(12, 3, 'Exit Latency L0s', EXIT_L0S),
    choice(15, 3, 'L1', EXIT_L1),
    flag(18, 'ClockPM'),
    flag(19, 'Surprise'),
    flag(20, 'LLActRep'),
    flag(21, 'BwNot'),
    flag(22, 'ASPMOptComp'),
  ]),
  register('LnkCtl', 0x10, 2, 'PCIe 7.5.3.7', [
    choice(0, 2, 'ASPM', ['Disabled', 'L0s Enabled', 'L1 Enabled', 'L0s L1 Enabled']),
    number(3, 1, 'RCB', { unit: 'bytes', value: (bit) => (bit === 0 ? 64 : 128) }),
    flag(4, 'Disabled'),
    flag(5, 'Retrain'),
    flag(6, 'CommClk'),
    flag(7, 'ExtSynch'),
    flag(8, 'ClockPM'),
    flag(9, 'AutWidDis'),
    flag(10, 'BWInt'),
    flag(11, 'AutBWInt'),
  ]),
  register('LnkSta', 0x12, 2, 'PCIe 7.5.3.8', [
    choice(0, 4, 'Speed', SPEEDS),
    number(4, 6, 'Width', { value: width }),
    ...(downstream ? [] : [downgraded(bytes)]),
    // Of the first version of PCI Express; no longer defined.
    flag(10, 'TrErr'),
    flag(11, 'Train'),
    flag(12, 'SlotClk'),
    flag(13, 'DLActive'),
    flag(14, 'BWMgmt'),
    flag(15, 'ABWMgmt'),
  ]),
]

const CROSSLINK = ['unsupported', 'Upstream Port', 'Downstream Port', 'incomplete']

/** Of version 2 (PCIe 7.5.3.18 to 7.5.3.20). */
export const linkRegisters2: readonly RegisterSpec[] = [
  register('LnkCap2', 0x2c, 4, 'PCIe 7.5.3.18', [
    number(1, 7, 'Supported Link Speeds', { value: speeds }),
    flag(8, 'Crosslink'),
    flag(23, 'Retimer'),
    flag(24, '2Retimers'),
    flag(31, 'DRS'),
  ]),
  register('LnkCtl2', 0x30, 2, 'PCIe 7.5.3.19', [
    choice(0, 4, 'Target Link Speed', TARGETS),
    flag(4, 'EnterCompliance'),
    flag(5, 'SpeedDis'),
    choice(6, 1, 'Selectable De-emphasis', ['-6dB', '-3.5dB']),
    number(7, 3, 'Transmit Margin', { value: (code) => (code === 0 ? 'normal' : code) }),
    flag(10, 'EnterModifiedCompliance'),
    flag(11, 'ComplianceSOS'),
    number(12, 4, 'Compliance Preset'),
  ]),
  register('LnkSta2', 0x32, 2, 'PCIe 7.5.3.20', [
    choice(0, 1, 'Current De-emphasis Level', ['-6dB', '-3.5dB']),
    flag(1, 'EqualizationComplete'),
    flag(2, 'EqualizationPhase1'),
    flag(3, 'EqualizationPhase2'),
    flag(4, 'EqualizationPhase3'),
    flag(5, 'LinkEqualizationRequest'),
    flag(6, 'Retimer'),
    flag(7, '2Retimers'),
    choice(8, 2, 'CrosslinkRes', CROSSLINK),
    flag(15, 'DRS'),
  ]),
]
