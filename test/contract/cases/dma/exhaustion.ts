import { ProbarError, codeOf } from '../../../../src/base/errors.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Mapping } from '../../../../src/device/contract.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { domain } from '../plants/broken-platform.ts'
import { type Defects, planted } from '../plants/defect.ts'
import { misanswering } from './broken.ts'

const isFull = (error: unknown): boolean =>
  ['dma-outside-aperture', 'dma-entries-exhausted'].includes(codeOf(error) ?? '')

/** A list that finds no room leaves its first page mapped. */
const leavesOne: Plant = domain((dma) => ({
  map: (frames, ...rest) => {
    try {
      return dma.map(frames, ...rest)
    } catch (error) {
      if (isFull(error)) dma.map({ memory: frames.memory, indices: frames.indices.slice(0, 1) }, ...rest)
      throw error
    }
  },
}))

/** Once full, always full. */
const staysFull: Plant = domain((dma) => {
  let full: unknown
  return {
    map: (...args): Mapping => {
      if (full !== undefined) throw full
      try {
        return dma.map(...args)
      } catch (error) {
        full = error
        throw error
      }
    },
  }
})

/** Of a device that reaches everything: its mappings run out, and the domain says something else. */
const saysOtherwise: Plant = domain((dma) => {
  let left = 2_000
  return {
    capabilities: { ...dma.capabilities, addressBits: 40 },
    map: (frames, access, placement) => {
      left -= frames.indices.length
      if (left < 0) throw new ProbarError('dma-outside-aperture', 'no place')
      return dma.map(frames, access, placement)
    },
  }
})

/** Defects for the case of mappings that run out. */
export const exhaustionDefects: Defects = {
  'dma/mappings-run-out': [
    planted(
      'another status',
      'status of the list for which there are too few',
      misanswering('BuildScatterGatherList', (status) => (status === 0 ? 0 : NtStatus.STATUS_UNSUCCESSFUL)),
    ),
    planted('a page stays mapped', 'mappings after the refusal', leavesOne),
    planted('it never recovers', 'in the place of one that was put', staysFull),
    planted('the reason is another', 'what it has too few of', saysOtherwise),
    planted(
      'there is no limit',
      'mappings are had, of',
      domain(() => ({ entries: 80_000 })),
    ),
  ],
}
