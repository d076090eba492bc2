import { ProbarError } from '../../base/errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { Struct } from '../layout/struct.ts'
import { KSDATAFORMAT, WAVEFORMATEX } from '../layout/x64-portcls.ts'
import type { DataFormat } from './interfaces.ts'

/** Samples as PCM has them. */
export interface WaveFormat {
  /** Frames a second. */
  readonly rate: number
  readonly channels: number
  /** Of one sample. */
  readonly bits: 8 | 16 | 24 | 32
}

const WAVE_FORMAT_PCM = 1
const BITS: readonly number[] = [8, 16, 24, 32] satisfies readonly WaveFormat['bits'][]
/** Bytes 8 to 15 of most GUIDs of audio, as a number of 8 bytes in memory. */
const COMMON_TAIL = 0x719b_3800_aa00_0080n
const SPECIFIER_TAIL = 0x5a59_5500_aa00_01bfn

/** A KSDATAFORMAT_WAVEFORMATEX in nonpaged pool; who made it frees `header.address`. @throws ProbarError out-of-memory */
export function newDataFormat({ pool }: Kernel, format: WaveFormat): DataFormat {
  const size = KSDATAFORMAT.size + WAVEFORMATEX.size
  const block = pool.allocate(size)
  if (block === undefined) throw new ProbarError('out-of-memory', 'the pool has no room for a data format')
  const header = new Struct(KSDATAFORMAT, block)
  const wave = new Struct(WAVEFORMATEX, block, KSDATAFORMAT.size)
  header.set('FormatSize', size)
  header.set('SampleSize', frameBytes(format))
  describeAudio(header)
  const { rate, channels, bits } = format
  wave.set('wFormatTag', WAVE_FORMAT_PCM)
  wave.set('nChannels', channels)
  wave.set('nSamplesPerSec', rate)
  wave.set('nAvgBytesPerSec', rate * frameBytes(format))
  wave.set('nBlockAlign', frameBytes(format))
  wave.set('wBitsPerSample', bits)
  return { header, wave }
}

/** A WAVEFORMATEX can hold it: whole numbers above 0, of 32 bits for the rate and the bytes a second, of 16 for the channels. */
export function isWaveFormat(format: WaveFormat): boolean {
  const { rate, channels, bits } = format
  const whole = [rate, channels].every((value) => Number.isInteger(value) && value > 0)
  return whole && BITS.includes(bits) && channels < 2 ** 16 && rate * frameBytes(format) < 2 ** 32
}

/** What a driver reads out of a format; undefined for what is no PCM. */
export function waveFormatOf({ wave }: DataFormat): WaveFormat | undefined {
  const bits = wave.get('wBitsPerSample')
  const format = { rate: wave.get('nSamplesPerSec'), channels: wave.get('nChannels') }
  if (wave.get('wFormatTag') !== WAVE_FORMAT_PCM || !BITS.includes(bits) || format.channels === 0) return undefined
  return { ...format, bits: bits as WaveFormat['bits'] }
}

/** Bytes of one frame: a sample of each channel. */
export const frameBytes = ({ channels, bits }: Pick<WaveFormat, 'channels' | 'bits'>): number => (channels * bits) / 8

/** KSDATAFORMAT_TYPE_AUDIO, KSDATAFORMAT_SUBTYPE_PCM, KSDATAFORMAT_SPECIFIER_WAVEFORMATEX. */
function describeAudio(header: DataFormat['header']): void {
  header.set('MajorFormat.Data1', 0x7364_7561)
  header.set('MajorFormat.Data3', 0x0010)
  header.set('MajorFormat.Data4', COMMON_TAIL)
  header.set('SubFormat.Data1', WAVE_FORMAT_PCM)
  header.set('SubFormat.Data3', 0x0010)
  header.set('SubFormat.Data4', COMMON_TAIL)
  header.set('Specifier.Data1', 0x0558_9f81)
  header.set('Specifier.Data2', 0xc356)
  header.set('Specifier.Data3', 0x11ce)
  header.set('Specifier.Data4', SPECIFIER_TAIL)
}
