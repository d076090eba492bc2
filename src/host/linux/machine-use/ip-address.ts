import { isIPv4, isIPv6 } from 'node:net'

/** An IPv4 address (32 bits) or an IPv6 address (128 bits). */
export interface IpAddress {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** `192.0.2.1` or `2001:db8::1%eth0`; an IPv4 address inside of an IPv6 one is the IPv4 address. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { bits: 32, value: bytesOf(text.split('.').map(Number)) }
  const [bare = ''] = text.split('%')
  if (!isIPv6(bare)) return undefined
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(bare)
  const words = dotted === null ? bare : `${dotted[1]}${pair(dotted[2], dotted[3])}:${pair(dotted[4], dotted[5])}`
  const [left = '', right] = words.split('::', 2)
  const before = wordsOf(left)
  const after = wordsOf(right ?? '')
  const middle = Array.from({ length: 8 - before.length - after.length }, () => 0n)
  return plain([...before, ...middle, ...after].reduce((value, word) => (value << 16n) | word, 0n))
}

/** As /proc/net/tcp and /proc/net/tcp6 write it: 32-bit words, each in the processor's byte order (here: little-endian). */
export function parseHexIp(text: string): IpAddress {
  const words = text.match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)))
  return bytes.length === 4 ? { bits: 32, value: bytesOf(bytes) } : plain(bytesOf(bytes))
}

export const isLoopback = ({ bits, value }: IpAddress): boolean => (bits === 32 ? value >> 24n === 127n : value === 1n)

const MAPPED = 0xffffn

const plain = (value: bigint): IpAddress =>
  value >> 32n === MAPPED ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value }

const bytesOf = (bytes: readonly number[]): bigint => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)

const wordsOf = (text: string): readonly bigint[] =>
  text
    .split(':')
    .filter(Boolean)
    .map((word) => BigInt(`0x${word}`))

const pair = (high: string | undefined, low: string | undefined): string =>
  ((Number(high) << 8) | Number(low)).toString(16)

/** For messages. */
export function ipText({ bits, value }: IpAddress): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  return words.join(':').replace(/(?:^|:)0(?::0)+(?:$|:)/, '::')
}
