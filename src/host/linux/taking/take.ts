import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../base/clock.ts'
import { Disposal, undoAfter } from '../../../base/disposal.ts'
import { ProbarError } from '../../../base/errors.ts'
import type { FileLockSurface } from '../../../native/surface.ts'
import { DRIVER, type FormerBinding, bindToVfio, bindingOf, checkMayBind } from './binding.ts'
import { failUnlessBack, finishJournal, putAllBack, settleJournal } from './finish.ts'
import { type TakingGroup, groupOf } from './group.ts'
import { type Guardian, startGuardian } from './guardian.ts'
import { type Holder, thisProcess } from './holder.ts'
import { type Journal, type JournalEntry, createJournal, findJournal, writeJournal } from './journal.ts'
import { type Lease, acquireLease, tryLease } from './lease.ts'
import { checkUnused, usersOf } from '../vfio-users.ts'
import { type TakingPlaces, machinePlaces } from './places.ts'

export interface TakeOptions {
  readonly locks: FileLockSurface
  /** For those who have to wait, as in `probar run --suite dxgk`. */
  readonly purpose: string
  /** Milliseconds to wait for another holder; not at all unless told. */
  readonly waitMs?: number | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
  /** Hears, once and in words, whom it waits for. */
  readonly onWait?: ((heldBy: string) => void) | undefined
  readonly places?: TakingPlaces
  readonly clock?: Clock
}

/**
 * Takes a function and its IOMMU group: the lease first, then each function that vfio-pci does not have yet from its
 * driver. Whatever ends this process from then on, all of them are put back.
 * @throws ProbarError device-absent, device-protected, device-busy, cancelled, permission-denied, module-missing,
 *   device-driver, journal-invalid; then everything is as before
 */
export async function takeGroup(address: string, options: TakeOptions): Promise<Taken> {
  const { places = machinePlaces() } = options
  refuse(groupOf(address, places), places)
  const { lease, holder } = await leaseOf(address, options)
  const undo = new Disposal()
  undo.use(lease)
  try {
    finishLeftovers(groupOf(address, places).name, places)
    const group = groupOf(address, places)
    refuse(group, places)
    const wanted = group.functions.filter(({ driver }) => driver !== DRIVER).map((fn) => bindingOf(fn.address, places))
    if (wanted.length === 0) return new Taken({ group, lease, places })
    for (const former of wanted) {
      checkMayBind(former, places, `, or let root run 'probar bind ${former.address}' once, which leaves it bound`)
    }
    loadDriver(places)
    const guardian = await startGuardian(group.name, lease, places, options.clock ?? systemClock)
    undo.defer(() => guardian.dismiss())
    return await bindAll({ group, lease, places, guardian }, wanted, holder)
  } catch (error) {
    return undo.undoAfter(error)
  }
}

/** The lease of a function's group. @throws ProbarError as takeGroup */
export async function leaseOf(address: string, options: TakeOptions): Promise<{ lease: Lease; holder: Holder }> {
  const { places = machinePlaces(), clock = systemClock, waitMs = 0, locks, purpose, signal, onWait } = options
  const { name } = groupOf(address, places)
  const holder = thisProcess(purpose, places)
  const waiting = { waitMs, clock, signal, onWait }
  return { lease: await acquireLease(name, address, () => tryLease(name, holder, places, locks), waiting), holder }
}

interface TakenParts {
  readonly group: TakingGroup
  readonly lease: Lease
  readonly places: TakingPlaces
  /** With what has to be put back. */
  readonly guardian?: Guardian
  readonly written?: Written
}

interface Written {
  readonly file: string
  readonly journal: Journal
}

/** A group that this process has. Disposing puts back what was taken and frees the lease. */
export class Taken implements AsyncDisposable {
  /** What was taken from its drivers, in this order; what vfio-pci had before is not among it. */
  readonly from: readonly FormerBinding[]
  /** All functions that go together. */
  readonly functions: readonly string[]
  readonly #parts: TakenParts
  #ended = false

  constructor(parts: TakenParts) {
    this.#parts = parts
    this.functions = parts.group.functions.map(({ address }) => address)
    this.from = parts.written?.journal.functions.filter(({ until }) => until === 'end') ?? []
  }

  /**
   * @throws ProbarError device-driver, which names what is not back; the lease is free then, too. device-busy while this
   *   process has one of them open: then the guardian puts them back when it has ended
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#checkClosed()
    await this.#end(({ places, written }) => {
      if (written !== undefined) this.#putBack(written, places)
    })
  }

  /**
   * Leaves it bound to vfio-pci, for everyone; the journal remembers what it had, for unbinding.
   * @throws OsError permission-denied, os-error when that cannot be written; then all of it is put back
   */
  async leaveBound(): Promise<void> {
    await this.#end(({ written, places }) => {
      if (written === undefined) return
      const functions = written.journal.functions.map((entry): JournalEntry => ({ ...entry, until: 'unbind' }))
      try {
        writeJournal(written.file, { ...written.journal, functions })
      } catch (error) {
        undoAfter(error, [() => this.#putBack(written, places)])
      }
    })
  }

  #putBack({ file, journal }: Written, places: TakingPlaces): void {
    const returned = putAllBack(this.from, places)
    settleJournal(file, journal, returned)
    failUnlessBack(returned, file)
  }

  /** The kernel would wait for whoever has it open, which is who waits. */
  #checkClosed(): void {
    const { group, places, written } = this.#parts
    const taken = new Set(this.from.map(({ address }) => address))
    const open = group.functions.find((fn) => taken.has(fn.address) && usersOf(fn, places, [process.pid]).length > 0)
    if (open === undefined || written === undefined) return
    this.#ended = true
    const why = 'this process still has it open; it is put back as soon as this process ends'
    throw new ProbarError('device-busy', `${open.address} is not given back: ${why}`)
  }

  async #end(settle: (parts: TakenParts) => void): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const undo = new Disposal()
    undo.use(this.#parts.lease)
    undo.defer(() => this.#parts.guardian?.dismiss())
    undo.defer(() => settle(this.#parts))
    await undo[Symbol.asyncDispose]()
  }
}

/** @throws ProbarError as takeGroup; what was bound by then is put back */
async function bindAll(parts: TakenParts, wanted: readonly FormerBinding[], holder: Holder): Promise<Taken> {
  const { group, places } = parts
  const taking = wanted.map((former): JournalEntry => ({ ...former, until: 'end' }))
  const before = findJournal(group.name, places)
  const addresses = new Set(wanted.map(({ address }) => address))
  const byHand = before?.journal.functions.filter(({ address }) => !addresses.has(address)) ?? []
  const journal: Journal = { name: group.name, holder, functions: [...byHand, ...taking] }
  const file = before?.file ?? createJournal(journal, places)
  if (before !== undefined) writeJournal(file, journal)
  try {
    for (const { address } of wanted) bindToVfio(address, places)
  } catch (error) {
    const undo = new Disposal()
    undo.defer(() => {
      const returned = putAllBack(taking, places)
      settleJournal(file, journal, returned)
      failUnlessBack(returned, file)
    })
    return undo.undoAfter(error)
  }
  return new Taken({ ...parts, written: { file, journal } })
}

/** What a holder that died, together with its guardian, left behind. @throws ProbarError when it cannot be put back */
function finishLeftovers(name: string, places: TakingPlaces): void {
  for (let found = findJournal(name, places); found !== undefined; found = findJournal(name, places)) {
    const { state, returned } = finishJournal(found.file, places, (address) => checkUnused(address, places))
    failUnlessBack(returned, found.file)
    if (state === 'kept') return
  }
}

function refuse({ functions }: TakingGroup, places: TakingPlaces): void {
  places.refuseUse(functions.map(({ address }) => address))
}

/** @throws ProbarError module-missing */
function loadDriver(places: TakingPlaces): void {
  const driver = join(places.bus, 'drivers', DRIVER)
  if (existsSync(driver)) return
  try {
    places.loadModule(DRIVER)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw noDriver(reason, error)
  }
  if (!existsSync(driver)) throw noDriver(`${driver} is still not there`)
}

function noDriver(reason: string, cause?: unknown): ProbarError {
  const mend =
    "'modprobe vfio-pci' as root must work first; the kernel needs CONFIG_VFIO_PCI, and its modules installed"
  return new ProbarError('module-missing', `the kernel module ${DRIVER} cannot be loaded (${reason}): ${mend}`, {
    cause,
  })
}
