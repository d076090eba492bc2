import { NtStatus } from '../../../../../src/base/ntstatus.ts'
import type { Out } from '../../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../../src/ddi/dma/adapter.ts'
import type { Ks } from '../../../../../src/ddi/ks/ks.ts'
import type { KsPin } from '../../../../../src/ddi/ks/pin.ts'
import type { KsStreamPointer } from '../../../../../src/ddi/ks/pointers/stream-pointer.ts'
import type { StreamIrp } from '../../../../../src/ddi/ks/stream-irp.ts'
import type { Kernel } from '../../../../../src/ddi/kernel/kernel.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import { outcome } from '../../bench.ts'
import { type ModelFrame, type ModelIrp, type ModelPointer, StreamModel } from './model.ts'
import { LOCKED, MAPPINGS, OUT, TRAILING } from '../stream.ts'

const { STATUS_SUCCESS, STATUS_PENDING, STATUS_DEVICE_NOT_READY } = NtStatus

export interface StreamSystem {
  readonly ks: Ks
  readonly kernel: Kernel
  readonly adapter: DmaAdapter
  readonly pages: (count: number) => Mdl
  readonly free: (mdl: Mdl) => void
}

export type Choice = readonly [number, number, number]

const MOST_FRAMES = 40
const PAGE = 4096

const pick = <T>(list: readonly T[], choice: number): T | undefined => list[choice % Math.max(1, list.length)]

function same(what: string, actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected)) return
  throw new Error(`${what}: ${String(actual)}, expected ${String(expected)}`)
}

/** A pin and what it should be, side by side. Whatever differs throws. */
export class StreamMachine {
  taken = 0
  readonly #system: StreamSystem
  readonly #pin: KsPin
  readonly #model: StreamModel
  readonly #blocks: number
  readonly #mdls: Mdl[] = []
  readonly #done: StreamIrp[] = []

  constructor(system: StreamSystem, flags: number) {
    this.#system = system
    this.#model = new StreamModel((flags & MAPPINGS) !== 0)
    this.#blocks = system.kernel.pool.blocks
    const pin = system.ks.openPin({ Flags: flags, DataFlow: OUT })
    if (pin === null) throw new Error('no pin')
    this.#pin = pin
    this.#edge('leading', system.ks.KsPinGetLeadingEdgeStreamPointer(pin, 0))
    if ((flags & TRAILING) !== 0) this.#edge('trailing', system.ks.KsPinGetTrailingEdgeStreamPointer(pin, 0))
  }

  step(which: number, choice: Choice): void {
    const steps = [
      () => this.#queue(choice),
      () => this.#lockEdge(choice),
      () => this.#lock(choice),
      () => this.#unlock(choice),
      () => this.#advance(choice),
      () => this.#offsets(choice),
      () => this.#offsets(choice),
      () => this.#offsetsAndUnlock(choice),
      () => this.#clone(choice),
      () => this.#delete(choice),
      () => this.#delete(choice),
      () => this.#cancel(choice),
      () => this.#misuse(choice),
    ]
    if (steps[which % steps.length]?.() !== true) return
    this.taken++
    this.#compare()
  }

  /** Everything is given back; nothing of it may be left. */
  end(): void {
    const { ks, free, kernel, adapter } = this.#system
    for (const one of this.#model.pointers()) if (one.locked) this.#doUnlock(one, false)
    for (const one of this.#model.clones) this.#doDelete(one)
    this.#compare()
    ks.closePin(this.#pin)
    for (const { irp } of this.#model.irps) same('an IRP at the end', irp?.IoStatus.Status === STATUS_PENDING, false)
    same('IRPs at the end', this.#done.length, this.#model.irps.length)
    for (const mdl of this.#mdls) free(mdl)
    same('lists at the end', adapter.lists, 0)
    same('blocks at the end', kernel.pool.blocks, this.#blocks)
  }

  #edge(kind: 'leading' | 'trailing', pointer: KsStreamPointer | null): void {
    if (pointer === null) throw new Error(`no ${kind} edge`)
    this.#model.edges.push({ pointer, kind, at: 0, locked: false, used: 0, told: 0 })
  }

  #queue([sizes, count]: Choice): boolean {
    if (this.#model.frames.length > MOST_FRAMES) return false
    const { ks, pages } = this.#system
    const irp: ModelIrp = { frames: [], irp: undefined, status: STATUS_PENDING, cancel: false }
    const client = Array.from({ length: 1 + (count % 3) }, (_, i) => {
      const size = (sizes >> (2 * i)) % 4
      const Mdl = size === 0 ? null : pages(size)
      if (Mdl !== null) this.#mdls.push(Mdl)
      const frame: ModelFrame = {
        irp,
        count: this.#model.mapping ? size : size * PAGE,
        references: this.#model.edges.length,
        mapped: false,
        gone: false,
      }
      irp.frames.push(frame)
      this.#model.frames.push(frame)
      return { Mdl, FrameExtent: size * PAGE }
    })
    this.#model.irps.push(irp)
    irp.irp = ks.queueFrames(this.#pin, client, (done) => void this.#done.push(done))
    return true
  }

  #lockEdge([which]: Choice): boolean {
    const edge = pick(this.#model.edges, which)
    if (edge === undefined) return false
    const { ks } = this.#system
    const leading = edge.kind === 'leading'
    const got = leading
      ? ks.KsPinGetLeadingEdgeStreamPointer(this.#pin, LOCKED)
      : ks.KsPinGetTrailingEdgeStreamPointer(this.#pin, LOCKED)
    same('the edge', got, this.#model.lock(edge) ? edge.pointer : null)
    return true
  }

  #lock([which]: Choice): boolean {
    const one = pick(this.#model.pointers(), which)
    if (one === undefined) return false
    const status = this.#system.ks.KsStreamPointerLock(one.pointer)
    same('Lock', status, this.#model.lock(one) ? STATUS_SUCCESS : STATUS_DEVICE_NOT_READY)
    return true
  }

  #unlock([which, eject]: Choice): boolean {
    const one = pick(
      this.#model.pointers().filter(({ locked }) => locked),
      which,
    )
    if (one === undefined) return false
    this.#doUnlock(one, eject % 2 === 1)
    return true
  }

  #doUnlock(one: ModelPointer, eject: boolean): void {
    this.#system.ks.KsStreamPointerUnlock(one.pointer, eject)
    one.locked = false
    if (eject) this.#model.leave(one)
    this.#model.settle()
  }

  #advance([which]: Choice): boolean {
    const one = pick(this.#model.pointers(), which)
    if (one === undefined) return false
    const status = this.#system.ks.KsStreamPointerAdvance(one.pointer)
    const { locked } = one
    one.locked = false
    this.#model.leave(one)
    this.#model.settle()
    same('Advance', status, !locked || this.#model.lock(one) ? STATUS_SUCCESS : STATUS_DEVICE_NOT_READY)
    return true
  }

  #offsets([which, amount, eject]: Choice): boolean {
    const one = pick(this.#model.pointers(), which)
    if (one === undefined) return false
    const frame = this.#model.frameOf(one)
    const left = frame === undefined || !one.locked ? 0 : frame.count - one.used
    const by = amount % (left + 1)
    const ejects = eject % 4 === 0
    const status = this.#system.ks.KsStreamPointerAdvanceOffsets(one.pointer, 0, by, ejects)
    if (!one.locked) {
      same('AdvanceOffsets of what is not locked', status, STATUS_DEVICE_NOT_READY)
      return true
    }
    one.used += by
    if (by < left && !ejects) {
      same('AdvanceOffsets', status, STATUS_SUCCESS)
      return true
    }
    one.locked = false
    this.#model.leave(one)
    this.#model.settle()
    same('AdvanceOffsets to the next', status, this.#model.lock(one) ? STATUS_SUCCESS : STATUS_DEVICE_NOT_READY)
    return true
  }

  #offsetsAndUnlock([which, amount]: Choice): boolean {
    const one = pick(
      this.#model.pointers().filter(({ locked }) => locked),
      which,
    )
    const frame = one && this.#model.frameOf(one)
    if (one === undefined || frame === undefined) return false
    const left = frame.count - one.used
    const by = amount % (left + 1)
    this.#system.ks.KsStreamPointerAdvanceOffsetsAndUnlock(one.pointer, 0, by, false)
    one.used += by
    one.locked = false
    if (by === left) this.#model.leave(one)
    this.#model.settle()
    return true
  }

  #clone([which, size]: Choice): boolean {
    const source = pick(this.#model.pointers(), which)
    if (source === undefined || this.#model.clones.length > 12) return false
    const made: Out<KsStreamPointer> = {}
    const clone: Pick<ModelPointer, 'told'> = { told: 0 }
    const told = (): void => void clone.told++
    const status = this.#system.ks.KsStreamPointerClone(source.pointer, told, size % 64, made)
    const frame = this.#model.frameOf(source)
    same('Clone', status, frame === undefined ? STATUS_DEVICE_NOT_READY : STATUS_SUCCESS)
    if (frame === undefined || made.value === undefined) return true
    frame.references++
    const at = this.#model.frames.indexOf(frame)
    const { locked, used } = source
    this.#model.clones.push(Object.assign(clone, { pointer: made.value, kind: 'clone' as const, at, locked, used }))
    return true
  }

  #delete([which]: Choice): boolean {
    const one = pick(this.#model.clones, which)
    if (one === undefined) return false
    this.#doDelete(one)
    return true
  }

  #doDelete(one: ModelPointer): void {
    this.#system.ks.KsStreamPointerDelete(one.pointer)
    const frame = this.#model.frameOf(one)
    this.#model.clones = this.#model.clones.filter((other) => other !== one)
    if (frame !== undefined) frame.references--
    this.#model.settle()
  }

  #cancel([which]: Choice): boolean {
    const irp = pick(this.#model.irps, which)
    if (irp?.irp === undefined) return false
    const expected = this.#model.clones.map((clone) => clone.told + Number(this.#isToldOf(clone, irp)))
    const done = irp.status === STATUS_PENDING && !this.#model.isLocked(irp)
    same('IoCancelIrp', this.#system.ks.IoCancelIrp(irp.irp), done)
    if (irp.status === STATUS_PENDING) irp.cancel = true
    this.#model.settle()
    if (done) same('callbacks', this.#model.clones.map(({ told }) => told).join(), expected.join())
    return true
  }

  #isToldOf(clone: ModelPointer, irp: ModelIrp): boolean {
    return irp.status === STATUS_PENDING && this.#model.frameOf(clone)?.irp === irp && !this.#model.isLocked(irp)
  }

  /** Misuse of several kinds; nothing changes by it. */
  #misuse([which, kind]: Choice): boolean {
    const one = pick(this.#model.pointers(), which)
    if (one === undefined) return false
    const { ks } = this.#system
    const { pointer } = one
    const left = (this.#model.frameOf(one)?.count ?? 0) - one.used
    const advance = (a: number, b: number) => () => ks.KsStreamPointerAdvanceOffsets(pointer, a, b, false)
    const attempts: readonly (readonly [boolean, string, () => unknown])[] = [
      [!one.locked, 'KSM-041', () => ks.KsStreamPointerUnlock(pointer, true)],
      [!one.locked, 'KSM-035', () => ks.KsStreamPointerAdvanceOffsetsAndUnlock(pointer, 0, 0, true)],
      [one.locked, 'KSM-033', advance(0, left + 1)],
      [one.locked, 'KSM-033', advance(1, 0)],
      [one.kind !== 'clone', 'KSM-045', () => ks.KsStreamPointerDelete(pointer)],
    ]
    const attempt = pick(attempts, kind)
    if (attempt?.[0] !== true) return false
    same('misuse', outcome(attempt[2]), attempt[1])
    return true
  }

  #compare(): void {
    const { adapter, kernel } = this.#system
    const mapped = this.#model.frames.filter((frame) => frame.mapped).length
    const pending = this.#model.irps.filter(({ status }) => status === STATUS_PENDING)
    same('lists', adapter.lists, mapped)
    const own = 1 + this.#model.edges.length + this.#model.clones.length + this.#mdls.length
    same('blocks', kernel.pool.blocks, this.#blocks + own + pending.length + 2 * mapped)
    same('IRPs that are complete', this.#done.length, this.#model.done)
    for (const { irp, status } of this.#model.irps) same('the status of an IRP', irp?.IoStatus.Status, status)
    for (const one of this.#model.pointers()) this.#comparePointer(one)
    const clones = this.#model.clones.map(({ pointer }) => pointer)
    same(
      'clones',
      this.#list()
        .map(({ address }) => address)
        .join(),
      clones.map(({ address }) => address).join(),
    )
  }

  #comparePointer(one: ModelPointer): void {
    const { ks } = this.#system
    const frame = this.#model.frameOf(one)
    const { OffsetOut, StreamHeader } = one.pointer
    same('the IRP of a pointer', ks.KsStreamPointerGetIrp(one.pointer, null, null), one.locked ? frame?.irp.irp : null)
    if (frame === undefined) same('the header of a pointer on no frame', StreamHeader, null)
    if (!one.locked || frame === undefined) return
    same('Count', OffsetOut.Count, frame.count)
    same('Remaining', OffsetOut.Remaining, frame.count - one.used)
  }

  #list(): readonly KsStreamPointer[] {
    const { ks } = this.#system
    const all: KsStreamPointer[] = []
    let clone = ks.KsPinGetFirstCloneStreamPointer(this.#pin)
    for (; clone !== null; clone = ks.KsStreamPointerGetNextClone(clone)) all.push(clone)
    return all
  }
}
