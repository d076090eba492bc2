import { BugCheck } from '../../../../../src/base/errors.ts'
import { CallerError } from '../../../../../src/ddi/kernel/ledger.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../../src/ddi/mm/mdl.ts'
import { mm } from '../../plants/broken-ddi.ts'
import { type Defects, planted } from '../../plants/defect.ts'

/** What MmUnmapLockedPages refuses by this parameter is left alone without a word. */
const ignoring = (parameter: bigint) =>
  mm((mm) => ({
    MmUnmapLockedPages(address, mdl) {
      try {
        mm.MmUnmapLockedPages(address, mdl)
      } catch (error) {
        if (!(error instanceof BugCheck) || error.parameters[0] !== parameter) throw error
      }
    },
  }))

/** The MDL is taken as it is, whatever was done to it, when something holds. */
const takenWhen = (holds: (mdl: Mdl) => boolean) =>
  mm((mm) => ({
    MmFreePagesFromMdl(mdl) {
      if (holds(mdl)) return
      mm.MmFreePagesFromMdl(mdl)
    },
  }))

const numbers = (mdl: Mdl): readonly bigint[] => [...mdl.slots().subarray(0, 3)]

/** Defects for the cases of MDLs that somebody wrote into. */
export const tamperingDefects: Defects = {
  'mdl/changed-while-mapped': [
    planted('the flag is believed', 'one that was never mapped', ignoring(0x06n)),
    planted('the number of pages is not looked at', 'the number of pages is changed', ignoring(0x02n)),
    planted('the address is not looked at', 'MappedSystemVa is changed', ignoring(0x03n)),
    planted('the first page is not looked at', 'the first page number is changed', ignoring(0x04n)),
    planted('the start is not looked at', 'StartVa is changed', ignoring(0x05n)),
    planted('unmapping twice is no matter', 'one that is unmapped already', ignoring(0x01n)),
    planted(
      'any address of the view will do',
      'another address',
      mm((mm) => ({
        MmUnmapLockedPages(address, mdl) {
          const own = mdl.header.get('MappedSystemVa')
          mm.MmUnmapLockedPages(address === own + 4096n ? (own as typeof address) : address, mdl)
        },
      })),
    ),
  ],
  'mdl/changed-members-are-noticed': [
    planted(
      'the length is not looked at',
      'ByteCount is changed',
      takenWhen((mdl) => mdl.header.get('ByteCount') === 2 * 4096),
    ),
    planted(
      'an address that is none is not looked at',
      'MappedSystemVa is changed',
      takenWhen((mdl) => mdl.header.get('MappedSystemVa') === 0x1000n),
    ),
    planted(
      'the start is not looked at',
      'StartVa is changed',
      takenWhen((mdl) => mdl.header.get('StartVa') === 0x1000n),
    ),
    planted('only the header is looked at', 'the first page number is changed', pagesTaken()),
    planted(
      'the last page is not looked at',
      'the last page number is changed',
      mm((mm) => {
        const first = new Map<Mdl, bigint | undefined>()
        return {
          MmFreePagesFromMdl(mdl) {
            const [one = 0n] = MmGetMdlPfnArray(mdl)
            const known = first.get(mdl) ?? one
            first.set(mdl, known)
            try {
              mm.MmFreePagesFromMdl(mdl)
            } catch (error) {
              if (!(error instanceof CallerError) || error.rule !== 'MDL-013' || known !== one) throw error
            }
          },
        }
      }),
    ),
    planted(
      'Next is not the driver’s',
      'MDL-011',
      mm((mm, kernel) => ({
        MmMapLockedPagesSpecifyCache(mdl, ...rest) {
          if (mdl.header.get('Next') === 0x1000n) {
            kernel.ledger.raise({ rule: 'MDL-011', routine: 'MmMapLockedPagesSpecifyCache', text: 'Next was changed' })
          }
          return mm.MmMapLockedPagesSpecifyCache(mdl, ...rest)
        },
      })),
    ),
  ],
}

/** Page numbers are not compared: whatever they are, nothing is said. */
function pagesTaken() {
  const seen = new Map<Mdl, string>()
  return mm((mm) => ({
    MmFreePagesFromMdl(mdl) {
      const before = seen.get(mdl) ?? numbers(mdl).join()
      seen.set(mdl, before)
      if (numbers(mdl).join() === before) mm.MmFreePagesFromMdl(mdl)
    },
  }))
}
