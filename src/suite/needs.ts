import { PAGE_SIZE } from '../base/pages.ts'
import type { Device } from '../device/contract.ts'
import type { DmaEngine } from '../engine/contract.ts'
import type { CyclicEngine } from '../engine/cyclic.ts'
import type { Profile } from '../profile/schema.ts'
import type { SkipCode } from '../record/skip-codes.ts'
import { findRegister } from './registers.ts'

export interface Offer {
  readonly device: Device
  readonly engine: DmaEngine | undefined
  readonly cyclic: CyclicEngine | undefined
  readonly profile: Profile
}

interface Asked {
  readonly code: SkipCode
  readonly met: (offer: Offer) => boolean
}

/** What a case may ask of a device, and the code with which it is skipped without. */
const NEEDS = {
  /** Moves bytes of the case's choosing, at any address and of any length. */
  engine: { code: 'no-dma-engine', met: ({ engine }) => engine !== undefined },
  /** Two transfers can be under way at once. */
  channels: { code: 'engine-too-simple', met: ({ engine }) => (engine?.abilities.channels ?? 0) > 1 },
  /** A transfer under way can be given up. */
  abort: { code: 'engine-too-simple', met: ({ engine }) => engine?.abilities.abort === 'at-once' },
  /** One command takes a list. */
  lists: { code: 'engine-too-simple', met: ({ engine }) => (engine?.abilities.listLength ?? 0) > 1 },
  cyclic: { code: 'no-cyclic-engine', met: ({ cyclic }) => cyclic !== undefined },
  'cyclic-output': {
    code: 'no-cyclic-engine',
    met: ({ cyclic }) => cyclic?.abilities.directions.includes('output') === true,
  },
  'cyclic-input': {
    code: 'no-cyclic-engine',
    met: ({ cyclic }) => cyclic?.abilities.directions.includes('input') === true,
  },
  /** Can be asked what it received. */
  'cyclic-tap': {
    code: 'engine-too-simple',
    met: ({ cyclic }) => cyclic?.abilities.tap === true && cyclic.abilities.directions.includes('output'),
  },
  'cyclic-notifications': { code: 'no-cyclic-engine', met: ({ cyclic }) => cyclic?.abilities.notifications === true },
  revocation: { code: 'not-revocable', met: ({ device }) => device.dma.capabilities.revocable },
  'distinct-addresses': {
    code: 'identity-placement',
    met: ({ device }) => device.dma.capabilities.placement !== 'identity',
  },
  'caller-placement': {
    code: 'placement-not-caller',
    met: ({ device }) => device.dma.capabilities.placement === 'caller',
  },
  faults: { code: 'faults-not-observable', met: ({ device }) => device.faults.observable },
  interrupts: { code: 'no-interrupts', met: ({ engine }) => engine?.abilities.interrupts === true },
  'memory-bar': {
    code: 'no-memory-bar',
    met: ({ device }) => device.regions.some((bar) => bar.kind === 'memory' && bar.mappable),
  },
  'constant-register': {
    code: 'no-known-register',
    met: ({ device, profile }) => findRegister(profile, 'constant', device) !== undefined,
  },
  'long-bar': {
    code: 'no-known-register',
    met: ({ device, profile }) => {
      const known = findRegister(profile, 'constant', device)
      return device.regions.some(({ index, size }) => index === known?.region && size >= 2 * PAGE_SIZE)
    },
  },
  'inverting-register': {
    code: 'no-known-register',
    met: ({ device, profile }) => findRegister(profile, 'inverts', device) !== undefined,
  },
} as const satisfies Record<string, Asked>

/** Of an engine that there is: that it moves what a case likes, and to where it likes. */
const ENGINE: readonly Asked[] = [
  { code: 'engine-carries-nothing', met: ({ engine }) => engine?.abilities.carries === true },
  { code: 'engine-too-simple', met: ({ engine }) => engine?.abilities.alignment === 1 },
]

export type Need = keyof typeof NEEDS

/** The code of the first need that is not met, or undefined when all are. */
export function unmetNeed(needs: readonly Need[], offer: Offer): SkipCode | undefined {
  const asked = needs.flatMap((need): readonly Asked[] => [NEEDS[need], ...(need === 'engine' ? ENGINE : [])])
  return asked.find(({ met }) => !met(offer))?.code
}
