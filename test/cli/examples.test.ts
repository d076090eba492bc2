import { describe, expect, it } from '@jest/globals'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { main as capturePin } from '../../examples/capture-pin.ts'
import { main as ownCase } from '../../examples/own-case.ts'
import { main as playTone } from '../../examples/play-tone.ts'
import { main as prove } from '../../examples/prove.ts'
import { main as scatterGather } from '../../examples/scatter-gather.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')

function paper(): { readonly lines: string[]; readonly print: (line: string) => void } {
  const lines: string[] = []
  return { lines, print: (line) => void lines.push(line) }
}

describe('prove.ts', () => {
  it('prints the rules by witness; on a model there is no other witness', async () => {
    const { lines, print } = paper()
    const { cases, summary } = await prove('loopback:sg', print)
    expect(summary.pass).toBe(cases.length)
    expect(lines[0]).toBe(`${cases.length} of ${cases.length} cases passed through loopback`)
    expect(lines.slice(1)).toEqual([expect.stringMatching(/^witness model: .*DMA-061/)])
  })

  it('prints each case that did not pass, with its reason', async () => {
    const { lines, print } = paper()
    const { cases } = await prove('loopback:edu?fault=liveness-stuck', print)
    const failed = cases.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)
    expect(failed).toContain('dxgk/write-reaches-the-device')
    expect(lines.filter((line) => line.startsWith('fail ')).length).toBe(failed.length)
  })
})

describe('scatter-gather.ts', () => {
  it('finds every byte where the list puts it', async () => {
    const { lines, print } = paper()
    expect(await scatterGather('loopback:edu', print)).toBe(-1)
    expect(lines.at(-1)).toBe('all 12288 bytes arrived')
    expect(lines.length).toBeGreaterThan(2)
  })

  it.each(['dma-drops-last-byte', 'dma-swaps-bytes', 'dma-writes-lost'])('notices %s', async (fault) => {
    const { lines, print } = paper()
    expect(await scatterGather(`loopback:edu?fault=${fault}`, print)).toBeGreaterThanOrEqual(0)
    expect(lines.at(-1)).toMatch(/^byte \d+ is \d+, not \d+$/)
  })
})

describe('play-tone.ts', () => {
  it('plays the buffer ten times, half by half', async () => {
    const { lines, print } = paper()
    const held = await playTone('loopback:sg', print)
    expect(lines).toHaveLength(20)
    expect(lines[19]).toMatch(/^half 20 is read, the position is \d+ of 19200$/)
    // Frame 40 of 4,800, both channels: 16384 sin(2 pi 440 40 / 48000)
    expect(new Int16Array(held.buffer, held.byteOffset).slice(80, 82)).toEqual(Int16Array.of(12_176, 12_176))
  })

  it('says so where nothing plays', async () => {
    const text = 'the profile qemu-edu names no engine that plays buffers'
    await expect(playTone('loopback:edu', paper().print)).rejects.toThrow(text)
  })
})

describe('capture-pin.ts', () => {
  it.each(['loopback:edu', 'loopback:sg'])('gets every frame whole from %s, of whatever size', async (device) => {
    const { lines, print } = paper()
    expect(await capturePin(device, print)).toBe(0)
    expect(lines).toEqual([
      'frame 0: 8192 of 8192 bytes',
      'frame 1: 5001 of 5001 bytes',
      'frame 2: 1 of 1 bytes',
      'frame 3: 0 of 0 bytes',
      'frame 4: 4097 of 4097 bytes',
      '5 of 5 frames arrived whole, 0 were dropped',
    ])
  })

  it.each([
    ['dma-drops-last-byte', 'frame 2: 1 of 1 bytes, and byte 0 is wrong'],
    ['dma-writes-one-byte-too-many', 'frame 2: 1 of 1 bytes, and byte 1 is wrong'],
    ['dma-writes-lost', 'frame 4: 4097 of 4097 bytes, and byte 0 is wrong'],
  ])('notices %s', async (fault, line) => {
    const { lines, print } = paper()
    expect(await capturePin(`loopback:edu?fault=${fault}`, print)).toBeGreaterThan(0)
    expect(lines).toContain(line)
  })
})

describe('own-case.ts', () => {
  it('runs the case behind one of Probar’s own', async () => {
    const { lines, print } = paper()
    await ownCase('loopback:edu', print)
    expect(lines).toEqual(['pass dma/put-twice', 'pass bench/writes-nothing-after-unmap'])
  })

  it('the case fails when the device still reaches what was unmapped', async () => {
    const { lines, print } = paper()
    await ownCase('loopback:edu?fault=iommu-keeps-translation', print)
    expect(lines.at(-1)).toMatch(/^fail bench\/writes-nothing-after-unmap: after the unmap: byte 0 is/)
  })

  it('the case fails when the device reaches nothing at all', async () => {
    const { lines, print } = paper()
    await ownCase('loopback:edu?fault=dma-writes-lost', print)
    expect(lines.at(-1)).toMatch(/^fail bench\/writes-nothing-after-unmap: while the page is mapped/)
  })
})

describe('the examples', () => {
  const programs = readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts'))

  it.each(programs)('%s has at most 60 lines and uses the public entry points only', (name) => {
    const text = readFileSync(join(EXAMPLES, name), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
    const own = [...text.matchAll(/from '(\.[^']*)'/g)].map(([, path]) => path)
    expect(own).not.toEqual([])
    expect(own.filter((path) => path !== '../src/index.ts' && path !== '../src/testing.ts')).toEqual([])
  })
})
