import { Disposal } from '../../../base/disposal.ts'
import { DRIVER, bindingOf, checkMayBind, driverOf, release } from './binding.ts'
import { type Returned, failUnlessBack, putAllBack, settleJournal } from './finish.ts'
import { type TakingGroup, groupOf } from './group.ts'
import { bootId } from './holder.ts'
import { findJournal, removeJournal } from './journal.ts'
import { machinePlaces, type TakingPlaces } from './places.ts'
import { type TakeOptions, leaseOf } from './take.ts'
import { checkUnused } from '../vfio-users.ts'

/** What became of a function of the group. */
export interface UnboundFunction {
  readonly address: string
  /** `free`: vfio-pci did not have it. `released`: no journal knew what it had before, so the kernel chose. */
  readonly state: 'back' | 'gone' | 'free' | 'released'
  /** The driver that it has now. */
  readonly driver: string | null
}

/**
 * Gives a group back: each function to what it had before it was bound, or, where nobody wrote that down, to the driver
 * that the kernel finds. What vfio-pci does not have is left alone.
 * @throws ProbarError device-absent, device-protected, device-busy (also while a program has it open), cancelled,
 *   permission-denied, journal-invalid, device-driver with what is not back
 */
export async function unbindGroup(address: string, options: TakeOptions): Promise<readonly UnboundFunction[]> {
  const { places = machinePlaces() } = options
  places.refuseUse(groupOf(address, places).functions.map((fn) => fn.address))
  const { lease } = await leaseOf(address, options)
  const undo = new Disposal()
  undo.use(lease)
  try {
    const result = unbindAll(groupOf(address, places), places)
    await undo[Symbol.asyncDispose]()
    return result
  } catch (error) {
    return undo.undoAfter(error)
  }
}

function unbindAll({ name, functions }: TakingGroup, places: TakingPlaces): readonly UnboundFunction[] {
  const bound = functions.filter(({ driver }) => driver === DRIVER)
  for (const fn of bound) {
    checkMayBind(bindingOf(fn.address, places), places)
    checkUnused(fn.address, places)
  }
  const returned = returnByJournal(name, places)
  const known = new Set(returned.map(({ address }) => address))
  const result = functions.map(({ address, driver }): UnboundFunction => {
    if (known.has(address)) return { address, state: 'back', driver: driverOf(address, places.bus) }
    if (driver !== DRIVER) return { address, state: 'free', driver: driver ?? null }
    release(address, places)
    return { address, state: 'released', driver: driverOf(address, places.bus) }
  })
  const gone = returned.filter(({ state }) => state === 'gone')
  return [...result, ...gone.map(({ address }): UnboundFunction => ({ address, state: 'gone', driver: null }))]
}

/** @throws ProbarError device-driver */
function returnByJournal(name: string, places: TakingPlaces): readonly Returned[] {
  const found = findJournal(name, places)
  if (found === undefined) return []
  const { file, journal } = found
  if (journal.holder.bootId !== bootId(places)) {
    removeJournal(file)
    return []
  }
  const returned = putAllBack(journal.functions, places)
  settleJournal(file, journal, returned)
  failUnlessBack(returned, file)
  return returned
}
