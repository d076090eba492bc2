import { bridgeHeader, commonHeader, endpointHeader } from './header.ts'
import { type BridgeWindow, bridgeWindows } from './bridge.ts'
import { type ConfigBar, type ExpansionRom, type ProbedBars, configBars, expansionRom } from './bars.ts'
import { type ConfigIds, HeaderType, configIds, headerType } from './config.ts'
import { type Capability, decodeCapabilities } from './decode-capabilities.ts'
import type { ConfigProblem } from './problem.ts'
import { type DecodedRegister, type RegisterSpec, decodeRegisters } from './register.ts'

/** A config space, taken apart. */
export interface DecodedConfig {
  readonly ids: ConfigIds
  readonly header: 'device' | 'bridge' | 'cardbus' | 'unknown'
  /** Of the header, in the order of the specification. */
  readonly registers: readonly DecodedRegister[]
  readonly bars: readonly ConfigBar[]
  readonly rom: ExpansionRom | undefined
  /** Of a bridge. */
  readonly windows: readonly BridgeWindow[]
  /** In the order of the chains: first the conventional, then the extended one. */
  readonly capabilities: readonly Capability[]
  readonly problems: readonly ConfigProblem[]
}

const HEADER_SIZE = 64

/**
 * Takes a config space apart. Never throws, whatever the bytes: what is wrong with them is told in `problems`.
 * @param bytes 64, 256 or 4096, or any other number; a header that is cut short reads as all ones behind its end, as on a bus
 * @param probed sizes of BARs and ROM, which config space itself doesn't tell
 */
export function decodeConfig(bytes: Uint8Array, probed?: ProbedBars): DecodedConfig {
  const whole = atLeastHeader(bytes)
  const header = HEADERS[headerType(whole)] ?? 'unknown'
  const answers = whole.subarray(0, HEADER_SIZE).some((byte) => byte !== 0xff)
  const { capabilities, problems } = answers ? decodeCapabilities(whole) : NOTHING
  return {
    ids: configIds(whole),
    header,
    registers: decodeRegisters(HEADER_REGISTERS[header], whole),
    bars: configBars(whole, probed),
    rom: expansionRom(whole, probed),
    windows: header === 'bridge' ? bridgeWindows(whole) : [],
    capabilities,
    problems: [...headerProblems(bytes, header, answers), ...problems],
  }
}

const NOTHING = { capabilities: [], problems: [] }
const HEADERS: Readonly<Record<number, DecodedConfig['header']>> = {
  [HeaderType.endpoint]: 'device',
  [HeaderType.bridge]: 'bridge',
  [HeaderType.cardbus]: 'cardbus',
}

const HEADER_REGISTERS: Readonly<Record<DecodedConfig['header'], readonly RegisterSpec[]>> = {
  device: endpointHeader,
  bridge: bridgeHeader,
  cardbus: commonHeader,
  unknown: commonHeader,
}

function atLeastHeader(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= HEADER_SIZE) return bytes
  const padded = new Uint8Array(HEADER_SIZE).fill(0xff)
  padded.set(bytes)
  return padded
}

function headerProblems(
  { length }: Uint8Array,
  header: DecodedConfig['header'],
  answers: boolean,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (length < HEADER_SIZE) {
    problems.push({ kind: 'truncated', offset: length, text: `the header has ${length} of its ${HEADER_SIZE} bytes` })
  }
  if (!answers) {
    const text = 'config space reads as all ones: no function answers there, or it is powered down (D3cold)'
    problems.push({ kind: 'no-answer', offset: 0, text })
  } else if (header === 'unknown') {
    problems.push({ kind: 'header-unknown', offset: 0x0e, text: 'the header type at 0x0e is none that is specified' })
  }
  return problems
}
