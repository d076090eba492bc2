import { runAll } from '../../base/disposal.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { DmaAdapter } from '../dma/adapter.ts'
import type { DeviceDescription } from '../dma/description.ts'
import type { Dma } from '../dma/dma.ts'
import { ulong } from '../dma/ulong.ts'
import type { Irp } from '../io/irp.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Mdl } from '../mm/mdl.ts'
import type { Mm } from '../mm/mm.ts'
import { KSSTREAM_POINTER_STATE } from './constants.ts'
import { KsDevice } from './ks-device.ts'
import type { KsMappingTable } from './mappings.ts'
import type { KsPin, PinDescriptor } from './pin.ts'
import { clone, deleteClone, nextClone } from './pointers/cloning.ts'
import { changing, known, requireNoCancelling, reseal } from './pointers/cursor.ts'
import { lock, unlock } from './pointers/locking.ts'
import { advanceFrame, advanceOffsets, advanceOffsetsAndUnlock } from './pointers/moving.ts'
import type { KsStreamPointer } from './pointers/stream-pointer.ts'
import { arrive } from './queue/arriving.ts'
import { cancelIrp } from './queue/completing.ts'
import { closePin, openPin } from './queue/opening.ts'
import { type CancelCallback, type Cursor, type Queue, frameOf } from './queue/queue.ts'
import type { KsState } from './state.ts'
import type { ClientFrame, CompletionRoutine, StreamIrp } from './stream-irp.ts'

/**
 * AVStream (rules, section 2): the routines for stream pointers by their names and documented parameters, and beside them
 * what a client does with a pin, which has no routine in ks.h: `openPin`, `queueFrames`, `closePin`. Routines for stream
 * pointers run at up to DISPATCH_LEVEL (KSM-048). What each does stands in the file of its subject.
 */
export class Ks {
  readonly #state: KsState

  constructor(kernel: Kernel, mm: Mm, dma: Dma) {
    const device = new KsDevice(kernel, dma)
    this.#state = { kernel, mm, device, pins: new Map(), cursors: new Map(), headers: new Map() }
  }

  /**
   * The form for 32-bit systems (KSM-012); it works, and is written down as the wrong one: on x64 RegisterAdapterObjectEx
   * takes its place (ERR-14). Parameters as there.
   */
  KsDeviceRegisterAdapterObject(
    _Device: unknown,
    AdapterObject: DmaAdapter,
    MaxMappingsByteCount: number,
    MappingTableStride: number,
  ): void {
    const routine = 'KsDeviceRegisterAdapterObject'
    this.#beforeData(routine)
    this.#state.device.register(routine, AdapterObject, MaxMappingsByteCount, MappingTableStride)
    const text = 'on 64-bit systems RegisterAdapterObjectEx takes its place'
    this.#state.kernel.ledger.note({ rule: 'KSM-012', routine, text })
  }

  /**
   * IKsDeviceFunctions::RegisterAdapterObjectEx (KSM-012, KSM-013): before any data is processed (KSM-010). Once every pin
   * is closed it may be said anew.
   * @param AdapterObject from IoGetDmaAdapter, of a bus master with scatter/gather (KSM-010, KSM-011)
   * @param NumberOfMapRegisters as IoGetDmaAdapter gave it, or fewer; at least 1
   * @param MaxMappingsByteCount the longest entry, in bytes, at least 1
   * @param MappingTableStride bytes between entries, at least 16 and a multiple of 8 (KSM-015)
   * @throws CallerError for anything else
   */
  RegisterAdapterObjectEx(
    AdapterObject: DmaAdapter,
    DeviceDescription: DeviceDescription,
    NumberOfMapRegisters: number,
    MaxMappingsByteCount: number,
    MappingTableStride: number,
  ): NtStatus {
    const routine = 'RegisterAdapterObjectEx'
    const { kernel, device } = this.#state
    this.#beforeData(routine)
    if (DeviceDescription.get('ScatterGather') === 0) {
      kernel.ledger.raise({ rule: 'KSM-010', routine, text: 'the description has no scatter/gather' })
    }
    const { mapRegisters } = AdapterObject
    if (ulong(NumberOfMapRegisters, 'NumberOfMapRegisters') < 1 || NumberOfMapRegisters > mapRegisters) {
      const text = `${NumberOfMapRegisters} map registers, and IoGetDmaAdapter gave ${mapRegisters}`
      kernel.ledger.raise({ rule: 'KSM-012', routine, text })
    }
    device.register(routine, AdapterObject, MaxMappingsByteCount, MappingTableStride)
    return NtStatus.STATUS_SUCCESS
  }

  /** A client connects: a pin with an empty queue, or without one where its flags say so. Null without memory. */
  openPin(Descriptor: PinDescriptor): KsPin | null {
    this.#state.kernel.requireIrql('openPin', 'KSM-040', KIRQL.PASSIVE_LEVEL)
    return openPin(this.#state, Descriptor)
  }

  /**
   * A client reads from a source or writes to a sink: one IRP with a stream header a frame, at the end of the queue.
   * @param Frames at least one, each with an MDL of its own or none
   * @param Completed called once, when the last frame is complete or the IRP was cancelled
   */
  queueFrames(Pin: KsPin, Frames: readonly ClientFrame[], Completed: CompletionRoutine): StreamIrp {
    const routine = 'queueFrames'
    this.#state.kernel.requireIrql(routine, 'KSM-048', KIRQL.DISPATCH_LEVEL)
    const queue = this.#queue(routine, Pin)
    if (queue !== undefined) {
      requireNoCancelling(this.#state, routine, queue)
      return arrive(this.#state, queue, Frames, Completed)
    }
    return this.#state.kernel.ledger.raise({ rule: 'KSM-040', routine, text: 'the pin has no standard queue' })
  }

  /**
   * Cancels an IRP with all its frames, at once or when the last lock on one of them goes (KSM-041, KSM-046).
   * @returns TRUE when it was cancelled now, FALSE when it waits or is complete
   */
  IoCancelIrp(Irp: StreamIrp): boolean {
    const routine = 'IoCancelIrp'
    this.#state.kernel.requireIrql(routine, 'KSM-048', KIRQL.DISPATCH_LEVEL)
    for (const queue of this.#state.pins.values()) {
      const pending = queue?.irps.get(Irp)
      if (queue === undefined || pending === undefined) continue
      requireNoCancelling(this.#state, routine, queue)
      return cancelIrp(this.#state, queue, pending)
    }
    return false
  }

  /** The client disconnects: what is in flight is cancelled. Locks and clones that are left are written down. */
  closePin(Pin: KsPin): void {
    const routine = 'closePin'
    this.#state.kernel.requireIrql(routine, 'KSM-040', KIRQL.PASSIVE_LEVEL)
    if (this.#queue(routine, Pin)?.closing === true) {
      this.#state.kernel.ledger.raise({ rule: 'KSM-040', routine, text: 'the pin is being closed' })
    }
    closePin(this.#state, routine, Pin, 'there')
  }

  /**
   * The cursor on the first frame that the minidriver has not passed yet (KSM-040).
   * @returns null without a standard queue, and where LOCKED is asked for and it cannot be locked
   */
  KsPinGetLeadingEdgeStreamPointer(Pin: KsPin, State: KSSTREAM_POINTER_STATE): KsStreamPointer | null {
    return this.#edge('KsPinGetLeadingEdgeStreamPointer', Pin, State, 'leading')
  }

  /** The same for the oldest frame of interest; null without KSPIN_FLAG_DISTINCT_TRAILING_EDGE, too. */
  KsPinGetTrailingEdgeStreamPointer(Pin: KsPin, State: KSSTREAM_POINTER_STATE): KsStreamPointer | null {
    return this.#edge('KsPinGetTrailingEdgeStreamPointer', Pin, State, 'trailing')
  }

  /** The oldest clone on the pin, or null. */
  KsPinGetFirstCloneStreamPointer(Pin: KsPin): KsStreamPointer | null {
    const routine = 'KsPinGetFirstCloneStreamPointer'
    this.#state.kernel.requireIrql(routine, 'KSM-048', KIRQL.DISPATCH_LEVEL)
    const [first] = this.#queue(routine, Pin)?.clones ?? []
    return first?.pointer ?? null
  }

  /** The clone that was made next on the same pin; null for the last one, and for an edge. */
  KsStreamPointerGetNextClone(StreamPointer: KsStreamPointer): KsStreamPointer | null {
    return nextClone(known(this.#state, 'KsStreamPointerGetNextClone', StreamPointer))
  }

  /**
   * Keeps the frame from being cancelled (KSM-041) and, at the first lock of a frame, makes its mapping table (KSM-026).
   * @returns STATUS_DEVICE_NOT_READY without a frame, STATUS_INSUFFICIENT_RESOURCES when mapping resources are short
   */
  KsStreamPointerLock(StreamPointer: KsStreamPointer): NtStatus {
    return lock(this.#state, changing(this.#state, 'KsStreamPointerLock', StreamPointer))
  }

  /** @param Eject goes on to the next frame. @throws CallerError KSM-041 for a pointer that is not locked */
  KsStreamPointerUnlock(StreamPointer: KsStreamPointer, Eject: boolean): void {
    const routine = 'KsStreamPointerUnlock'
    unlock(this.#state, routine, changing(this.#state, routine, StreamPointer), Eject)
  }

  /** To the next frame, locked there if it was. @returns STATUS_DEVICE_NOT_READY when it could not be locked there */
  KsStreamPointerAdvance(StreamPointer: KsStreamPointer): NtStatus {
    const routine = 'KsStreamPointerAdvance'
    return advanceFrame(this.#state, routine, changing(this.#state, routine, StreamPointer))
  }

  /**
   * Inside the frame, and to the next when nothing remains (KSM-033).
   * @param InUsed of a sink: bytes, or table entries on a pin with mappings (KSM-031); 0 on a source
   * @param OutUsed the same of a source
   * @returns STATUS_DEVICE_NOT_READY when it was not locked, or could not be on the next frame (KSM-034)
   * @throws CallerError KSM-033 for more than remains
   */
  KsStreamPointerAdvanceOffsets(
    StreamPointer: KsStreamPointer,
    InUsed: number,
    OutUsed: number,
    Eject: boolean,
  ): NtStatus {
    const routine = 'KsStreamPointerAdvanceOffsets'
    const cursor = changing(this.#state, routine, StreamPointer)
    return advanceOffsets(this.#state, routine, cursor, { inUsed: InUsed, outUsed: OutUsed, eject: Eject })
  }

  /** The same, and unlocked in every case (KSM-035). */
  KsStreamPointerAdvanceOffsetsAndUnlock(
    StreamPointer: KsStreamPointer,
    InUsed: number,
    OutUsed: number,
    Eject: boolean,
  ): void {
    const routine = 'KsStreamPointerAdvanceOffsetsAndUnlock'
    const cursor = changing(this.#state, routine, StreamPointer)
    advanceOffsetsAndUnlock(this.#state, routine, cursor, { inUsed: InUsed, outUsed: OutUsed, eject: Eject })
  }

  /**
   * A pointer of its own on the same frame, at the same place and in the same state, which keeps the frame until it is
   * deleted (KSM-042).
   * @param CancelCallback called when the frame is cancelled while the clone is unlocked (KSM-046)
   * @param ContextSize bytes behind the structure, at Context; Context is NULL without any (KSM-043)
   * @returns STATUS_DEVICE_NOT_READY without a frame, STATUS_INSUFFICIENT_RESOURCES
   */
  KsStreamPointerClone(
    StreamPointer: KsStreamPointer,
    CancelCallback: CancelCallback | null,
    ContextSize: number,
    CloneStreamPointer: Out<KsStreamPointer>,
  ): NtStatus {
    const cursor = changing(this.#state, 'KsStreamPointerClone', StreamPointer)
    return clone(this.#state, cursor, CancelCallback, ContextSize, CloneStreamPointer)
  }

  /** Ends a clone's reference; also from a cancel callback. @throws CallerError KSM-045 for an edge */
  KsStreamPointerDelete(StreamPointer: KsStreamPointer): void {
    const routine = 'KsStreamPointerDelete'
    deleteClone(this.#state, routine, known(this.#state, routine, StreamPointer))
  }

  /** With what the frame's IRP is to be completed. @returns STATUS_DEVICE_NOT_READY without a frame */
  KsStreamPointerSetStatusCode(StreamPointer: KsStreamPointer, Status: NtStatus): NtStatus {
    const frame = frameOf(known(this.#state, 'KsStreamPointerSetStatusCode', StreamPointer))
    if (frame === undefined) return NtStatus.STATUS_DEVICE_NOT_READY
    frame.irp.status = Status
    return NtStatus.STATUS_SUCCESS
  }

  /** The IRP of a locked pointer's frame, and whether that is its first or last; null when it is not locked. */
  KsStreamPointerGetIrp(
    StreamPointer: KsStreamPointer,
    FirstFrameInIrp: Out<boolean> | null,
    LastFrameInIrp: Out<boolean> | null,
  ): Irp | null {
    const cursor = known(this.#state, 'KsStreamPointerGetIrp', StreamPointer)
    const frame = lockedFrame(cursor)
    if (frame === undefined) return null
    const { irp, headers } = frame.irp
    if (FirstFrameInIrp !== null) FirstFrameInIrp.value = headers[0] === frame.header
    if (LastFrameInIrp !== null) LastFrameInIrp.value = headers.at(-1) === frame.header
    return irp
  }

  /** The MDL of a locked pointer's frame; null when it is not locked. */
  KsStreamPointerGetMdl(StreamPointer: KsStreamPointer): Mdl | null {
    return lockedFrame(known(this.#state, 'KsStreamPointerGetMdl', StreamPointer))?.mdl ?? null
  }

  /** The bytes of the pointer are what another routine made of them, no driver's doing. */
  accept(StreamPointer: KsStreamPointer): void {
    const cursor = this.#state.cursors.get(StreamPointer)
    if (cursor !== undefined) reseal(cursor)
  }

  /** A table without a pin, made as the first lock of a frame makes it; see KsDevice. */
  generateMappings(Mdl: Mdl, Length: number, WriteToDevice: boolean, Table: Out<KsMappingTable>): NtStatus {
    return this.#state.device.generateMappings(Mdl, Length, WriteToDevice, Table)
  }

  /** Ends the device's access to what generateMappings gave. */
  releaseMappings(Table: KsMappingTable): void {
    this.#state.device.releaseMappings(Table)
  }

  /** Takes back every pin and table that is left, and writes each down. */
  close(): void {
    const { kernel, pins, device } = this.#state
    const steps = [...pins.keys()].map((pin) => () => {
      kernel.ledger.note({ rule: 'KSM-040', routine: 'close', text: 'a pin was never closed' })
      closePin(this.#state, 'close', pin, 'gone')
    })
    runAll([...steps, () => device.close()])
  }

  #edge(
    routine: string,
    pin: KsPin,
    wanted: KSSTREAM_POINTER_STATE,
    kind: 'leading' | 'trailing',
  ): KsStreamPointer | null {
    this.#state.kernel.requireIrql(routine, 'KSM-048', KIRQL.DISPATCH_LEVEL)
    const queue = this.#queue(routine, pin)
    const cursor = queue?.[kind]
    if (queue === undefined || cursor === undefined) return null
    requireNoCancelling(this.#state, routine, queue)
    if (wanted === KSSTREAM_POINTER_STATE.KSSTREAM_POINTER_STATE_UNLOCKED) return cursor.pointer
    return NT_SUCCESS(lock(this.#state, cursor)) ? cursor.pointer : null
  }

  /** @throws CallerError KSM-040 for a pin that is closed */
  #queue(routine: string, pin: KsPin): Queue | undefined {
    const { pins, kernel } = this.#state
    if (!pins.has(pin))
      kernel.ledger.raise({ rule: 'KSM-040', routine, text: 'the pin is closed, or is none of this session' })
    return pins.get(pin)
  }

  /** @throws CallerError KSM-010 once data was processed */
  #beforeData(routine: string): void {
    const { kernel, pins } = this.#state
    kernel.requireIrql(routine, 'KSM-012', KIRQL.PASSIVE_LEVEL)
    if ([...pins.values()].some((queue) => queue?.processed === true)) {
      kernel.ledger.raise({ rule: 'KSM-010', routine, text: 'a frame was processed before' })
    }
  }
}

const lockedFrame = (cursor: Cursor): ReturnType<typeof frameOf> => (cursor.locked ? frameOf(cursor) : undefined)
