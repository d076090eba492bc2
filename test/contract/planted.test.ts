import { describe, expect, it } from '@jest/globals'
import type { faultsOf } from '../../src/backend/loopback/planted/defects.ts'
import { brokenBenches, soundBenches } from './broken-benches.ts'
import { deviceChecks, runCheck } from './device.ts'
import { openLoopbackBench } from './loopback-bench.ts'

const MOVES = 'it moves bytes out of memory and back, across frames, and touches no byte beside them'
const SCRATCH = 'a scratch register gives back what was written, or its inverse where it inverts'
const RESET = 'a reset leaves a device that answers, with the registers that its documents say it keeps'
const EACH_VECTOR = 'every vector, up to 16 of each kind, counts once for each software trigger, and no other does'
const PIN = 'an active pin counts once until it is unmasked, and again if the device still holds it'
const REQUEST = 'a request for the device ends what waits, and what would wait later, and leaves a device that answers'
const REPORTS = 'a refused access is reported with its page and direction'

const OVERLAP = 'an overlap is refused, whichever part it is, and leaves nothing mapped'
const EDGES = 'the first and the last page of every aperture can be mapped alone, and unmapped'
const HIGHEST = 'the device reaches the highest page that it has an address for, until that is unmapped'
const EXHAUSTED = 'one entry more than there are is refused as such, and all that it had mapped is given back'
const SIZES = ['4 KiB', '2 MiB', '256 MiB'].map(
  (size) => `${size} are mapped as one, unmapped to the byte, and out of the device's reach then`,
)

/** For each defect that can be planted into edu, the checks that have to notice it. */
const noticedBy: Record<keyof (typeof faultsOf)['edu'], readonly string[]> = {
  'ident-wrong': ['the identification register holds its constant'],
  'liveness-stuck': [SCRATCH],
  'factorial-wrong': ['it computes factorials'],
  'factorial-never-ends': ['it computes factorials'],
  'register-write-lost': [SCRATCH],
  'register-high-half-lost': ['a 64-bit register keeps both halves, and 4 bytes set all of it'],
  'register-narrow-answered': ['accesses have exactly the width that was asked for'],
  'interrupt-status-lost': ['the interrupt status holds what raised it until that is acknowledged'],
  'interrupt-acknowledge-lost': ['the interrupt status holds what raised it until that is acknowledged'],
  'reset-fails': [RESET],
  'reset-clears-registers': [RESET],
  'bar-size-wrong': [
    'a register outside a BAR is refused',
    'its BARs are those of its documents, at addresses that are multiples of their sizes',
    'a view outside a BAR or off a page boundary is refused',
  ],
  'bar-offset-ignored': ['a view at an offset shows what is there'],
  'bar-view-detached': [
    'a view of BAR 0 shows the same registers',
    'a view of the page of a scratch register shows that register',
  ],
  'config-ids-wrong': [
    'its identity is what config space says',
    'config space reads alike in all widths, and no further than its end',
  ],
  'config-write-lost': ['a bit written to the command register stays written'],
  'decode-ignored': ['registers are gone while memory decode is off'],
  'reset-keeps-bus-master': ['bus mastering is off after a reset, and memory decoding as before'],
  'bus-master-left-on': ['bus mastering is off when it opens'],
  'close-ignored': ['every member refuses to work after close', 'closing ends a wait'],
  'dma-never-completes': ['it gathers a read that crosses frames'],
  'dma-done-early': [MOVES],
  'dma-drops-last-byte': [MOVES],
  'dma-writes-one-byte-too-many': [MOVES],
  'dma-writes-before': [MOVES],
  'dma-shifts-by-one': [MOVES],
  'dma-swaps-bytes': [MOVES],
  'dma-stops-at-page-end': ['it gathers a read that crosses frames'],
  'dma-ignores-length-above-2048': [MOVES],
  'dma-writes-lost': ['it gathers a read that crosses frames'],
  'dma-reads-zeros': ['it gathers a read that crosses frames'],
  'dma-wrong-page': [MOVES],
  'dma-page-offset-lost': ['it gathers a read that crosses frames'],
  'clamp-missing': ['address bits that the device lacks are cut off'],
  'bus-master-ignored': ['it moves nothing while bus mastering is off'],
  'irq-lost': ['one interrupt after the other is counted'],
  'irq-twice': ['an interrupt that the device raises is counted, once'],
  'irq-spurious': ['a wait ends with timeout when nothing fires', 'counts begin at 0 when enabled again'],
  'irq-at-completion-lost': ['the end of a transfer raises an interrupt when asked to'],
  'trigger-twice': [EACH_VECTOR],
  'vector-shared': [EACH_VECTOR],
  'pin-never-masked': [PIN],
  'mask-ignored': ['a masked pin counts when it is unmasked'],
  'unmask-lost': [PIN, 'a masked pin counts when it is unmasked'],
  'notice-lost': [REQUEST],
  'notice-wakes-nobody': [REQUEST],
  'trigger-lost': [
    EACH_VECTOR,
    'an interrupt that the platform raises is counted, of each kind that there is',
    'disabling rejects what waits, and what would wait then',
  ],
  'iommu-keeps-translation': ['memory that was unmapped is not written', HIGHEST, ...SIZES],
  'iommu-ignores-permissions': [
    'memory that is mapped for reading is not written',
    'memory that is mapped for writing is read exactly where the platform says that it cannot forbid it',
  ],
  'iommu-identity': ['an address that was never mapped reaches no frame, not even the one of that number'],
  'iommu-wrong-fault-address': [REPORTS],
  'iommu-wrong-fault-direction': [REPORTS],
  'iommu-loses-faults': [REPORTS],
  'iommu-accepts-overlap': [OVERLAP],
  'iommu-refusal-leaks': [OVERLAP, EXHAUSTED],
  'unmap-short': [
    'unmapping tells the exact bytes',
    'unmapping what was joined tells the exact bytes',
    EDGES,
    HIGHEST,
    EXHAUSTED,
    ...SIZES,
  ],
  'aperture-unchecked': ['addresses before, between and behind the apertures are refused, and leave nothing mapped'],
  'placement-ignored': [
    'a mapping goes where it was told to',
    'scattered runs touch one another nowhere',
    EDGES,
    'a range that overflows 64 bits is refused with its own code',
    'an address off a page boundary is refused',
  ],
  'segments-unmerged': ['adjacent frames become one segment'],
  'segments-short': [
    'segments are page aligned, inside an aperture and sum up to the mapping',
    'joined runs follow one another',
  ],
}

function checkNamed(name: string) {
  const check = deviceChecks.find((candidate) => candidate.name === name)
  if (check === undefined) throw new Error(`there is no check "${name}"`)
  return check
}

describe('a planted defect is noticed by the contract', () => {
  const planted = Object.entries(noticedBy).flatMap(([fault, names]) => names.map((name) => [fault, name] as const))

  it.each(planted)('%s: %s', async (fault, name) => {
    const open = () => openLoopbackBench(`loopback:edu?msi=16&fault=${fault}`)
    await expect(runCheck(checkNamed(name), open)).rejects.toThrow()
  })
})

describe('a device that is broken otherwise is noticed by the contract', () => {
  it.each(Object.entries(brokenBenches))('%s', async (name, breakIt) => {
    const open = async () => breakIt(await openLoopbackBench('loopback:edu'))
    await expect(runCheck(checkNamed(name), open)).rejects.toThrow()
  })
})

describe('the contract', () => {
  it.each(Object.entries(soundBenches))(
    'passes when nothing is broken in a wrapped bench: %s',
    async (_, wrap) => {
      for (const check of deviceChecks) {
        await runCheck(check, async () => wrap(await openLoopbackBench('loopback:edu')))
      }
    },
    60_000,
  )

  it('has no check that was never seen to fail', () => {
    const shown = new Set([...Object.values(noticedBy).flat(), ...Object.keys(brokenBenches)])
    expect(deviceChecks.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([])
  })
})

describe('several defects at once', () => {
  it('are all there', async () => {
    const open = () => openLoopbackBench('loopback:edu?fault=ident-wrong,liveness-stuck')
    await expect(runCheck(checkNamed('the identification register holds its constant'), open)).rejects.toThrow()
    await expect(runCheck(checkNamed(SCRATCH), open)).rejects.toThrow()
  })
})
