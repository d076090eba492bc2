/** Codecs for tests, as what they answer to commands. */
export type Codec = ReadonlyMap<string, number>

const GET = 0xf00
const CONNECTIONS = 0xf02
const CONFIGURATION = 0xf1c

/** The command's fields as a codec is asked. */
export const question = (node: number, verb: number, payload: number): string => `${node}/${verb}/${payload}`

interface Node {
  /** Parameters by number. */
  readonly parameters?: Readonly<Record<number, number>>
  /** Responses to the verb for the connection list, by the index asked for. */
  readonly connections?: Readonly<Record<number, number>>
  readonly configuration?: number
}

function codec(nodes: Readonly<Record<number, Node>>): Codec {
  const answers = new Map<string, number>()
  for (const [name, { parameters = {}, connections = {}, configuration }] of Object.entries(nodes)) {
    const node = Number(name)
    for (const [which, value] of Object.entries(parameters)) answers.set(question(node, GET, Number(which)), value)
    for (const [at, value] of Object.entries(connections)) answers.set(question(node, CONNECTIONS, Number(at)), value)
    if (configuration !== undefined) answers.set(question(node, CONFIGURATION, 0), configuration)
  }
  return answers
}

/** Rates from 16 to 96 kHz in 16 bits. */
const PCM = 0x0002_01fc
const group = (first: number, count: number): Node => ({
  parameters: { 0x05: 1, 0x04: (first << 16) | count, 0x0a: PCM, 0x0b: 1 },
})
const root: Node = { parameters: { 0x00: 0x1af4_0022, 0x04: 0x0001_0001 } }

/** As QEMU 7.2's hda-duplex answers in the bench: converter 2 to pin 3, pin 5 to converter 4. */
export const duplex = codec({
  0: root,
  1: group(2, 4),
  2: { parameters: { 0x09: 0x0000_001d, 0x0a: PCM, 0x0b: 1, 0x12: 0x8003_4a4a } },
  3: {
    parameters: { 0x09: 0x0040_0101, 0x0c: 0x10, 0x0e: 1 },
    connections: { 0: 2 },
    configuration: 0x0000_4010,
  },
  4: {
    parameters: { 0x09: 0x0010_011b, 0x0a: PCM, 0x0b: 1, 0x0d: 0x8003_4a4a, 0x0e: 1 },
    connections: { 0: 5 },
  },
  5: { parameters: { 0x09: 0x0040_0001, 0x0c: 0x20 }, configuration: 0x0080_5020 },
})

/** A pin that no converter leads to. */
export const mute = codec({ 0: root, 1: group(2, 1), 2: { parameters: { 0x09: 0x0040_0001, 0x0c: 0x10 } } })

/**
 * In the shape of a desktop's codec: two converters and one for digital sound; a selector, a mixer that leads back into
 * itself, amplifiers on both sides, a jack with nothing behind it, headphones with an external amplifier; recording from
 * one of two pins through a mixer; long lists and ranges.
 */
export const desktop = codec({
  0: root,
  1: { parameters: { ...group(2, 14).parameters, 0x0d: 0x8003_1f17, 0x12: 0x0003_4040 } },
  // converters
  2: { parameters: { 0x09: 0x000d_0401 } },
  3: { parameters: { 0x09: 0x0000_0401 } },
  4: { parameters: { 0x09: 0x0000_0601 } },
  // digital pin, nearer than any other
  5: { parameters: { 0x09: 0x0040_0301, 0x0c: 0x10, 0x0e: 1 }, connections: { 0: 4 }, configuration: 0x0145_6130 },
  // mixer over converter 2 and the selector
  6: { parameters: { 0x09: 0x0020_0103, 0x0e: 2 }, connections: { 0: 0x0702 } },
  // selector over the mixer and converter 3, in one list of long entries
  7: { parameters: { 0x09: 0x0030_0101, 0x0e: 0x82 }, connections: { 0: 0x0003_0006 } },
  // a pin with nothing behind it, directly at converter 3
  8: { parameters: { 0x09: 0x0040_0101, 0x0c: 0x10, 0x0e: 1 }, connections: { 0: 3 }, configuration: 0x4000_00f0 },
  // headphones with an external amplifier; the second of its connections leads to a converter by the shorter way
  9: {
    parameters: { 0x09: 0x0040_050d, 0x0c: 0x0001_0018, 0x0e: 2, 0x12: 0x8000_0000 },
    connections: { 0: 0x0607 },
    configuration: 0x0221_4c10,
  },
  // recording
  10: { parameters: { 0x09: 0x0010_0501, 0x0e: 1 }, connections: { 0: 11 } },
  11: { parameters: { 0x09: 0x0020_0103, 0x0e: 2 }, connections: { 0: 0x8d0c } },
  12: { parameters: { 0x09: 0x0040_0001, 0x0c: 0x20 }, configuration: 0x4000_00f0 },
  13: { parameters: { 0x09: 0x0040_000b, 0x0c: 0x24, 0x0d: 0x0027_0300 }, configuration: 0x01a1_9c30 },
  // loopback of the output into itself, and something that no sound passes
  14: { parameters: { 0x09: 0x0020_0101, 0x0e: 1 }, connections: { 0: 14 } },
  15: { parameters: { 0x09: 0x0060_0000 } },
})
