import type { Direction } from '../../cyclic.ts'
import { type AudioFunction, PinBit, type Widget, WidgetBit, WidgetType } from './graph.ts'
import type { StreamFormat } from '../format.ts'
import { LongVerb, ShortVerb, type Verb } from './verbs.ts'

/** A way for sound through a codec. */
export interface Route {
  readonly audio: AudioFunction
  readonly direction: Direction
  /**
   * Against the flow of sound: from the pin to the output converter, or from the input converter to the pin. `input` is
   * the place, in the widget's list of connections, of the next step.
   */
  readonly steps: readonly RouteStep[]
  readonly converter: Widget
}

export interface RouteStep {
  readonly widget: Widget
  /** Undefined for the last one. */
  readonly input: number | undefined
}

/** Bits of the parameter of PCM rates (7.3.4.7). */
const RATES = [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000]
const SIZES = { 8: 16, 16: 17, 20: 18, 24: 19, 32: 20 } as const
const PCM_STREAMS = 0x1
/** Of the configuration default's top two bits: nothing is connected to the pin. */
const NOT_CONNECTED = 1
/** Widgets that a way goes through at most (7.1.2 names no limit; loops are not walked anyway). */
const MAX_STEPS = 10

/**
 * The ways for sound in a direction, the best first: analog before digital ones, pins with a connector before those
 * without, short ones before long ones.
 */
export function findRoutes(functions: readonly AudioFunction[], direction: Direction): Route[] {
  const routes = functions.flatMap((audio) =>
    audio.widgets
      .filter((widget) => isStart(widget, direction))
      .flatMap((start) => walk(audio, direction, [{ widget: start, input: undefined }])),
  )
  return routes.toSorted((one, other) => rank(one) - rank(other))
}

/** Whether the converter at its end takes the format. */
export function takesFormat({ converter: { pcm, formats } }: Route, { rate, bits }: StreamFormat): boolean {
  const rateBit = RATES.indexOf(rate)
  const speaks = (formats & PCM_STREAMS) !== 0 || formats === 0
  return speaks && rateBit >= 0 && (pcm & (1 << rateBit)) !== 0 && (pcm & (1 << SIZES[bits])) !== 0
}

/** What the codec is told so that sound takes the way, in order. @param stream 1 to 15, @param format value of SDnFMT */
export function routeVerbs(route: Route, stream: number, format: number): Verb[] {
  const { audio, converter, steps } = route
  const to =
    (node: number) =>
    (verb: number, payload: number): Verb => ({ codec: audio.codec, node, verb, payload })
  return [
    to(audio.node)(LongVerb.setPowerState, 0),
    ...steps.flatMap((step) => stepVerbs(step, route, to(step.widget.node))),
    to(converter.node)(ShortVerb.setFormat, format),
    to(converter.node)(LongVerb.setStreamChannel, stream << 4),
  ]
}

/** What the widgets of the way hold back together, in units of 100 ns (7.3.4.6: a delay in samples each). */
export function routeDelay({ steps }: Route, { rate }: StreamFormat): number {
  const samples = steps.reduce((sum, { widget }) => sum + ((widget.capabilities >> 16) & 0xf), 0)
  return Math.ceil((samples * 10_000_000) / rate)
}

/** Takes the converter off its stream: number 0 is none. */
export const releaseVerbs = ({ audio, converter }: Route): Verb[] => [
  { codec: audio.codec, node: converter.node, verb: LongVerb.setStreamChannel, payload: 0 },
]

const isStart = (widget: Widget, direction: Direction): boolean =>
  direction === 'output' ? pinWith(widget, PinBit.output) : widget.type === WidgetType.input

const isEnd = (widget: Widget, direction: Direction): boolean =>
  direction === 'output' ? widget.type === WidgetType.output : pinWith(widget, PinBit.input)

const pinWith = ({ type, pinCapabilities }: Widget, bit: number): boolean =>
  type === WidgetType.pin && (pinCapabilities & bit) !== 0

const isBetween = ({ type }: Widget): boolean => type === WidgetType.mixer || type === WidgetType.selector

/** All ways on from the last step, without going through a widget twice. */
function walk(audio: AudioFunction, direction: Direction, steps: readonly RouteStep[]): Route[] {
  const last = steps.at(-1)
  if (last === undefined || steps.length > MAX_STEPS) return []
  if (steps.length > 1 && isEnd(last.widget, direction)) {
    const converter = direction === 'output' ? last.widget : (steps[0]?.widget ?? last.widget)
    return [{ audio, direction, steps, converter }]
  }
  if (steps.length > 1 && !isBetween(last.widget)) return []
  return last.widget.connections.flatMap((node, input) => {
    const next = audio.widgets.find((widget) => widget.node === node)
    if (next === undefined || steps.some(({ widget }) => widget.node === node)) return []
    return walk(audio, direction, [
      ...steps.slice(0, -1),
      { widget: last.widget, input },
      { widget: next, input: undefined },
    ])
  })
}

function rank({ steps, converter }: Route): number {
  const digital = (converter.capabilities & WidgetBit.digital) === 0 ? 0 : 1
  const pin = steps.find(({ widget }) => widget.type === WidgetType.pin)?.widget
  const unconnected = pin !== undefined && pin.configuration >>> 30 === NOT_CONNECTED ? 1 : 0
  return digital * 1000 + unconnected * 100 + steps.length
}

type Tell = (verb: number, payload: number) => Verb

const Amplifier = { output: 0x8000, input: 0x4000, left: 0x2000, right: 0x1000 } as const
const PinControl = { headphones: 0x80, output: 0x40, input: 0x20 } as const
const EAPD = 0x2
const DIGITAL_ON = 0x1

function stepVerbs({ widget, input }: RouteStep, { direction, converter }: Route, tell: Tell): Verb[] {
  const has = (bit: number): boolean => (widget.capabilities & bit) !== 0
  const both = Amplifier.left | Amplifier.right
  const selects = input !== undefined && widget.type !== WidgetType.mixer && widget.connections.length > 1
  const digital = widget === converter && has(WidgetBit.digital)
  // A pin that sound comes in by has its amplifier at index 0 of its own.
  const amplified = input ?? (widget.type === WidgetType.pin && direction === 'input' ? 0 : undefined)
  const inputAmplifier = has(WidgetBit.inputAmplifier) && amplified !== undefined
  return [
    ...(has(WidgetBit.power) ? [tell(LongVerb.setPowerState, 0)] : []),
    ...(selects ? [tell(LongVerb.setConnectionSelect, input)] : []),
    ...(has(WidgetBit.outputAmplifier)
      ? [tell(ShortVerb.setAmplifier, Amplifier.output | both | unityGain(widget.outputAmplifier))]
      : []),
    ...(inputAmplifier ? [tell(ShortVerb.setAmplifier, inputGain(widget, amplified, both))] : []),
    ...(widget.type === WidgetType.pin ? pinVerbs(widget, direction, tell) : []),
    ...(digital ? [tell(LongVerb.setDigitalConverter, DIGITAL_ON)] : []),
  ]
}

function pinVerbs({ pinCapabilities }: Widget, direction: Direction, tell: Tell): Verb[] {
  if (direction === 'input') return [tell(LongVerb.setPinControl, PinControl.input)]
  const headphones = (pinCapabilities & PinBit.headphones) === 0 ? 0 : PinControl.headphones
  const eapd = (pinCapabilities & PinBit.eapd) === 0 ? [] : [tell(LongVerb.setEapd, EAPD)]
  return [tell(LongVerb.setPinControl, PinControl.output | headphones), ...eapd]
}

const inputGain = (widget: Widget, index: number, both: number): number =>
  Amplifier.input | both | ((index & 0xf) << 8) | unityGain(widget.inputAmplifier)

/** The step of 0 dB, which the low seven bits of the amplifier's capabilities name (7.3.4.10); not muted. */
const unityGain = (capabilities: number): number => capabilities & 0x7f
