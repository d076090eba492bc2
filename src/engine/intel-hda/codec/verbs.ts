/**
 * Verbs and parameters of codecs, HDA 1.0a, section 7.3. A command has 32 bits: the codec's address in 31:28, the node in
 * 27:20, and below that either 12 bits of verb with 8 of payload, or 4 of verb with 16 of payload.
 */
export interface Verb {
  readonly codec: number
  readonly node: number
  readonly verb: number
  readonly payload: number
}

/** Verbs of 12 bits. */
export const LongVerb = {
  getParameter: 0xf00,
  setConnectionSelect: 0x701,
  getConnectionList: 0xf02,
  setPowerState: 0x705,
  setStreamChannel: 0x706,
  setPinControl: 0x707,
  setEapd: 0x70c,
  setDigitalConverter: 0x70d,
  getConfigurationDefault: 0xf1c,
} as const

/** Verbs of 4 bits, whose payload has 16. */
export const ShortVerb = { setFormat: 0x2, setAmplifier: 0x3 } as const

/** Numbers of parameters (7.3.4). */
export const Parameter = {
  vendor: 0x00,
  subordinateNodes: 0x04,
  functionGroupType: 0x05,
  widgetCapabilities: 0x09,
  pcmSupport: 0x0a,
  streamFormats: 0x0b,
  pinCapabilities: 0x0c,
  inputAmplifier: 0x0d,
  connectionListLength: 0x0e,
  outputAmplifier: 0x12,
} as const

const SHORT_VERBS = 0xf

/** @throws RangeError for what does not fit its field */
export function encodeVerb({ codec, node, verb, payload }: Verb): number {
  const short = verb <= SHORT_VERBS
  const limit = short ? 0xffff : 0xff
  if (
    codec < 0 ||
    codec > 14 ||
    node < 0 ||
    node > 0x7f ||
    verb < 0 ||
    verb > 0xfff ||
    payload < 0 ||
    payload > limit
  ) {
    throw new RangeError(`verb ${verb} with ${payload} for node ${node} of codec ${codec} fits no command`)
  }
  return ((codec << 28) | (node << 20) | (verb << (short ? 16 : 8)) | payload) >>> 0
}

/**
 * Reads a connection list (7.1.2): in its entries, of 8 or 16 bits, the top bit says that all nodes from the one before up
 * to this one are meant.
 * @param long entries of 16 bits
 */
export function expandConnections(entries: readonly number[], long: boolean): number[] {
  const range = long ? 0x8000 : 0x80
  const nodes: number[] = []
  for (const entry of entries) {
    const node = entry & (range - 1)
    const from = (entry & range) === 0 ? node : (nodes.at(-1) ?? node - 1) + 1
    for (let each = from; each <= node; each++) nodes.push(each)
  }
  return nodes
}
