import type { Commands } from '../commands.ts'
import { encodeVerb, expandConnections, LongVerb, Parameter } from './verbs.ts'

/** Kinds of widgets (HDA 1.0a, section 7.3.4.6). */
export const WidgetType = { output: 0, input: 1, mixer: 2, selector: 3, pin: 4 } as const

/** Bits of the audio widget capabilities. */
export const WidgetBit = {
  inputAmplifier: 0x2,
  outputAmplifier: 0x4,
  amplifierOverride: 0x8,
  formatOverride: 0x10,
  connectionList: 0x100,
  digital: 0x200,
  power: 0x400,
} as const

/** Bits of the pin capabilities (7.3.4.9). */
export const PinBit = { headphones: 0x8, output: 0x10, input: 0x20, eapd: 0x1_0000 } as const

/** One widget as its codec describes it; amplifiers and formats are those of the function group where it has none of its own. */
export interface Widget {
  readonly node: number
  /** One of WidgetType, or another kind that no sound passes. */
  readonly type: number
  readonly capabilities: number
  readonly connections: readonly number[]
  readonly pinCapabilities: number
  readonly configuration: number
  readonly inputAmplifier: number
  readonly outputAmplifier: number
  /** Rates and sizes (7.3.4.7). */
  readonly pcm: number
  /** Of streams (7.3.4.8). */
  readonly formats: number
}

/** An audio function group with its widgets. */
export interface AudioFunction {
  readonly codec: number
  readonly node: number
  readonly widgets: readonly Widget[]
}

const AUDIO_FUNCTION = 1

/** Asks a codec for all that it has (HDA 1.0a, section 7.1). */
export function readAudioFunctions(commands: Commands, codec: number): AudioFunction[] {
  const ask: Ask = (node, verb, payload) => commands.send(encodeVerb({ codec, node, verb, payload }))
  return childrenOf(ask, 0)
    .filter((node) => (parameter(ask, node, Parameter.functionGroupType) & 0xff) === AUDIO_FUNCTION)
    .map((node) => {
      const group = groupDefaults(ask, node)
      return { codec, node, widgets: childrenOf(ask, node).map((child) => readWidget(ask, child, group)) }
    })
}

type Ask = (node: number, verb: number, payload: number) => number
type Defaults = Pick<Widget, 'inputAmplifier' | 'outputAmplifier' | 'pcm' | 'formats'>

const parameter = (ask: Ask, node: number, which: number): number => ask(node, LongVerb.getParameter, which)

function childrenOf(ask: Ask, node: number): number[] {
  const value = parameter(ask, node, Parameter.subordinateNodes)
  const first = (value >> 16) & 0xff
  return Array.from({ length: value & 0xff }, (_, index) => first + index).filter((child) => child <= 0x7f)
}

const groupDefaults = (ask: Ask, node: number): Defaults => ({
  inputAmplifier: parameter(ask, node, Parameter.inputAmplifier),
  outputAmplifier: parameter(ask, node, Parameter.outputAmplifier),
  pcm: parameter(ask, node, Parameter.pcmSupport),
  formats: parameter(ask, node, Parameter.streamFormats),
})

function readWidget(ask: Ask, node: number, group: Defaults): Widget {
  const capabilities = parameter(ask, node, Parameter.widgetCapabilities)
  const type = (capabilities >> 20) & 0xf
  const has = (bit: number): boolean => (capabilities & bit) !== 0
  const ownOr = (which: number, own: boolean, otherwise: number): number =>
    own ? parameter(ask, node, which) : otherwise
  const isPin = type === WidgetType.pin
  const amplifier = has(WidgetBit.amplifierOverride)
  const format = has(WidgetBit.formatOverride)
  return {
    node,
    type,
    capabilities,
    connections: has(WidgetBit.connectionList) ? readConnections(ask, node) : [],
    pinCapabilities: isPin ? parameter(ask, node, Parameter.pinCapabilities) : 0,
    configuration: isPin ? ask(node, LongVerb.getConfigurationDefault, 0) : 0,
    inputAmplifier: ownOr(Parameter.inputAmplifier, amplifier, group.inputAmplifier),
    outputAmplifier: ownOr(Parameter.outputAmplifier, amplifier, group.outputAmplifier),
    pcm: ownOr(Parameter.pcmSupport, format, group.pcm),
    formats: ownOr(Parameter.streamFormats, format, group.formats),
  }
}

/** Each response holds four entries of 8 bits, or two of 16. */
function readConnections(ask: Ask, node: number): number[] {
  const length = parameter(ask, node, Parameter.connectionListLength)
  const long = (length & 0x80) !== 0
  const count = length & 0x7f
  const [perResponse, bits] = long ? [2, 16] : [4, 8]
  const entries: number[] = []
  for (let index = 0; index < count; index += perResponse) {
    const response = ask(node, LongVerb.getConnectionList, index)
    for (let at = 0; at < perResponse && index + at < count; at++) {
      entries.push((response >>> (at * bits)) & (2 ** bits - 1))
    }
  }
  return expandConnections(entries, long)
}
