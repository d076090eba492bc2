import { describe, expect, it } from '@jest/globals'
import { type AudioFunction, readAudioFunctions } from '../../../../src/engine/intel-hda/codec/graph.ts'
import {
  findRoutes,
  type Route,
  routeDelay,
  routeVerbs,
  takesFormat,
} from '../../../../src/engine/intel-hda/codec/route.ts'
import type { Direction } from '../../../../src/engine/cyclic.ts'
import { type Codec, desktop, duplex, mute, question } from './codecs.ts'

function read(codec: Codec): AudioFunction[] {
  const send = (command: number): number =>
    codec.get(question((command >>> 20) & 0x7f, (command >>> 8) & 0xfff, command & 0xff)) ?? 0
  return readAudioFunctions({ send }, 0)
}

const nodes = ({ steps }: Route): number[] => steps.map(({ widget }) => widget.node)

function best(codec: Codec, direction: Direction): Route {
  const [route] = findRoutes(read(codec), direction)
  if (route === undefined) throw new Error(`there is no way for ${direction}`)
  return route
}

/** Node, verb and payload in hexadecimal. */
const told = (route: Route): string[] =>
  routeVerbs(route, 5, 0x4011).map(({ node, verb, payload }) =>
    [node, verb, payload].map((n) => n.toString(16)).join(' '),
  )

const cd = { rate: 44_100, channels: 2, bits: 16 } as const

describe('the ways for sound through a codec', () => {
  it('are found where there is one only', () => {
    expect(findRoutes(read(duplex), 'output').map(nodes)).toEqual([[3, 2]])
    expect(findRoutes(read(duplex), 'input').map(nodes)).toEqual([[4, 5]])
  })

  it('are none where no converter leads to a pin', () => {
    expect(findRoutes(read(mute), 'output')).toEqual([])
    expect(findRoutes(read(mute), 'input')).toEqual([])
    expect(findRoutes([], 'input')).toEqual([])
  })

  it('begin with analog ones to connected pins, the shortest first', () => {
    expect(findRoutes(read(desktop), 'output').map(nodes)).toEqual([
      [9, 7, 3],
      [9, 6, 2],
      [9, 7, 6, 2],
      [9, 6, 7, 3],
      [8, 3],
      [5, 4],
    ])
  })

  it('lead through mixers to pins that record', () => {
    expect(findRoutes(read(desktop), 'input').map(nodes)).toEqual([
      [10, 11, 13],
      [10, 11, 12],
    ])
  })

  it('tell each widget on them what to do, and the converter last', () => {
    expect(told(best(desktop, 'output'))).toEqual([
      '1 705 0', // function group: full power
      '9 705 0', // pin
      '9 701 0', // its first connection
      '9 3 b000', // amplifier: both channels of the output, unmuted, 0 dB is step 0
      '9 707 c0', // output and headphones
      '9 70c 2', // external amplifier
      '7 701 1', // selector: its second connection
      '3 705 0',
      '3 2 4011', // format
      '3 706 50', // stream 5, from channel 0
    ])
  })

  it('open the inputs of a mixer and of a pin that they come in by', () => {
    expect(told(best(desktop, 'input'))).toEqual([
      '1 705 0',
      'a 705 0',
      'b 3 7117', // mixer: both channels of input 1, 0 dB by the function group is step 0x17
      'd 3 7000', // pin: its own amplifier, where 0 dB is step 0
      'd 707 20',
      'a 2 4011',
      'a 706 50',
    ])
  })

  it('switch a digital converter on', () => {
    const digital = findRoutes(read(desktop), 'output').at(-1)
    expect(digital && told(digital)).toEqual(expect.arrayContaining(['4 70d 1']))
  })

  it('hold sound back as long as their widgets say together', () => {
    const [, throughMixer] = findRoutes(read(desktop), 'output')
    // 13 samples in the converter, at 44.1 kHz, in units of 100 ns
    expect(throughMixer && routeDelay(throughMixer, cd)).toBe(2948)
  })

  it('take the formats of the converter or else of its function group', () => {
    for (const codec of [duplex, desktop]) {
      const route = best(codec, 'output')
      expect(takesFormat(route, cd)).toBe(true)
      expect(takesFormat(route, { ...cd, rate: 192_000 })).toBe(false)
      expect(takesFormat(route, { ...cd, rate: 72_000 })).toBe(false)
      expect(takesFormat(route, { ...cd, bits: 24 })).toBe(false)
    }
  })
})
