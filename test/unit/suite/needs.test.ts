import { describe, expect, it } from '@jest/globals'
import type { EngineAbilities } from '../../../src/engine/contract.ts'
import { type Need, type Offer, unmetNeed } from '../../../src/suite/needs.ts'

const ABLE: EngineAbilities = {
  maxTransfer: 4096,
  addressBits: 64,
  completion: ['poll'],
  interrupts: true,
  listLength: 16,
  alignment: 1,
  channels: 2,
  abort: 'at-once',
  carries: true,
}

function unmet(needs: readonly Need[], abilities?: Partial<EngineAbilities>): string | undefined {
  const engine = abilities === undefined ? undefined : { abilities: { ...ABLE, ...abilities } }
  return unmetNeed(needs, { engine, cyclic: undefined } as unknown as Offer)
}

describe('a case that needs an engine', () => {
  it.each([
    ['none', undefined, 'no-dma-engine'],
    ['one that carries nothing', { carries: false }, 'engine-carries-nothing'],
    ['one that moves whole dwords only', { alignment: 4 }, 'engine-too-simple'],
    ['one that can do it', {}, undefined],
  ])('with %s: %o', (_, abilities, code) => expect(unmet(['engine'], abilities)).toBe(code))

  it('and more of it is told the first thing that is missing', () => {
    expect(unmet(['channels', 'engine'], { channels: 1, carries: false })).toBe('engine-too-simple')
    expect(unmet(['engine', 'abort'], { abort: 'drains' })).toBe('engine-too-simple')
    expect(unmet(['engine', 'lists', 'channels', 'abort', 'interrupts'], {})).toBeUndefined()
    expect(unmet([])).toBeUndefined()
  })
})
