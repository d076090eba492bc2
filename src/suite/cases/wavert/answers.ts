import { va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MmGetMdlByteCount } from '../../../ddi/mm/mdl.ts'
import type { HwRegister } from '../../../ddi/portcls/interfaces.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { ANYWHERE, MmCached, MmNonCached, MmWriteCombined, allocate, release } from '../parts/buffers.ts'
import { KSSTATE_ACQUIRE, KSSTATE_PAUSE, KSSTATE_RUN, KSSTATE_STOP, failing, stepTo } from '../parts/pins.ts'
import { Answers, openScripted } from '../parts/scripted-miniport.ts'

const { STATUS_NOT_SUPPORTED, STATUS_NOT_IMPLEMENTED, STATUS_INVALID_PARAMETER } = NtStatus
/** What a driver left in its pages. */
const FOREIGN = 0x55
const BYTES = 6000

/** What a miniport must not answer, with the rule that it breaks. */
const WRONG: readonly (readonly [string, string, Partial<Answers>])[] = [
  ['WRT-030', 'a status that is not documented', { status: 0xc000_00e5 }],
  ['WRT-031', 'a size below the requested one', { actualSize: (bytes) => bytes - 1 }],
  ['WRT-032', 'an end behind the MDL', { actualSize: () => 3 * PAGE_SIZE }],
  ['WRT-032', 'an offset of a page', { offset: PAGE_SIZE }],
  ['WRT-033', 'a caching type that there is not', { cacheType: 3 }],
]

const inUse = ({ kernel, ddi }: Context): string => `${kernel.frames.allocated} ${kernel.memory.views} ${ddi.mm.alive}`

/** Cases of what the port does with a miniport's answers: no device is asked. */
export const answerCases: readonly Case[] = [
  {
    id: 'wavert/wrong-answers-are-noticed',
    title: 'the port refuses a buffer that is too small, outside of its MDL, of no caching type, or not of the port',
    rules: ['WRT-013', 'WRT-030', 'WRT-031', 'WRT-032', 'WRT-033'],
    run: async (context) => {
      const { check } = context
      for (const [rule, what, answer] of WRONG) {
        const before = inUse(context)
        const answers = Object.assign(new Answers(), answer)
        const { pin } = await openScripted(context, answers)
        const refused = await failing(pin.allocateBuffer({ RequestedBufferSize: BYTES }))
        check.callerError(rule, what, refused)
        check.absent(pin.buffer, `the buffer after ${what}`)
        await pin.close()
        check.equal(inUse(context), before, `frames, views and MDLs after ${what}`)
      }
      const foreign = allocate(context, 2 * PAGE_SIZE)
      const answers = Object.assign(new Answers(), { mdl: () => foreign, ownMdl: true })
      const { pin } = await openScripted(context, answers)
      const refused = await failing(pin.allocateBuffer({ RequestedBufferSize: BYTES }))
      check.callerError('WRT-013', 'an MDL that is none of the port’s', refused)
      release(context, foreign)
      await pin.close()
    },
  },
  {
    id: 'wavert/statuses-are-passed-on',
    title: 'each documented failure of AllocateAudioBuffer reaches the client, and no buffer does',
    rules: ['WRT-030'],
    run: async (context) => {
      const { check } = context
      const { pin, answers } = await openScripted(context)
      const { STATUS_UNSUCCESSFUL, STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY } = NtStatus
      for (const status of [STATUS_UNSUCCESSFUL, STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY]) {
        answers.status = status
        const out = {}
        check.equal(await pin.allocateBuffer({ RequestedBufferSize: BYTES }, out), status, 'the status of a failure')
        check.equal(Object.keys(out).length, 0, 'outputs of a failure')
        check.absent(pin.buffer, 'the buffer after a failure')
      }
      answers.status = 0
      check.equal(await pin.allocateBuffer({ RequestedBufferSize: BYTES }), 0, 'the status of a success')
      await pin.close()
      check.equal(answers.freed.join(' '), `${answers.actualSize(BYTES)}`, 'buffers that were freed')
      check.equal(answers.released, 1, 'releases of the stream')
    },
  },
  {
    id: 'wavert/barrier-for-write-combined',
    title: 'the client is told to issue a memory barrier exactly when the miniport reported MmWriteCombined',
    rules: ['WRT-033'],
    run: async (context) => {
      const { check } = context
      for (const [cacheType, barrier] of [
        [MmNonCached, 0],
        [MmCached, 0],
        [MmWriteCombined, 1],
      ] as const) {
        const { pin } = await openScripted(context, Object.assign(new Answers(), { cacheType }))
        check.equal(await pin.allocateBuffer({ RequestedBufferSize: BYTES }), 0, 'AllocateAudioBuffer')
        const told = pin.buffer?.description.get('CallMemoryBarrier')
        check.equal(told, barrier, `CallMemoryBarrier for the caching type ${cacheType}`)
        await pin.close()
      }
    },
  },
  {
    id: 'wavert/client-sees-its-buffer-alone',
    title: 'the buffer lies in its client’s process alone, and what the driver left around it is zeroed there',
    rules: ['WRT-032', 'MDL-089'],
    run: async (context) => {
      const { check, kernel, ddi } = context
      const answers = new Answers()
      answers.mdl = (port, bytes) => {
        const mdl = port.AllocatePagesForMdl(ANYWHERE, bytes)
        const view = mdl && port.MapAllocatedPages(mdl, MmWriteCombined)
        if (mdl === null || view === null) return null
        kernel.memory.fill(view, MmGetMdlByteCount(mdl), FOREIGN)
        port.UnmapAllocatedPages(view, mdl)
        return mdl
      }
      const { pin } = await openScripted(context, answers)
      const process = kernel.processes.start()
      check.equal(await pin.allocateBuffer({ RequestedBufferSize: BYTES, process }), 0, 'AllocateAudioBuffer')
      const { description, actualSize, offset, mdl } = check.present(pin.buffer, 'the buffer')
      const start = va(description.get('BufferAddress'))
      check.refused('access-violation', 'the buffer in another process', () => kernel.memory.read(start, 1))
      kernel.in(process, () => {
        const page = va(start - BigInt(offset))
        const seen = kernel.memory.read(page, MmGetMdlByteCount(mdl))
        check.filled(seen.subarray(0, offset), 0, 'what lies before the buffer')
        check.filled(seen.subarray(offset, offset + actualSize), FOREIGN, 'the buffer')
        check.filled(seen.subarray(offset + actualSize), 0, 'what lies behind the buffer')
      })
      await pin.close()
      check.refused('access-violation', 'the buffer once the pin is closed', () =>
        kernel.in(process, () => kernel.memory.read(start, 1)),
      )
      check.equal(ddi.waveRT.pins, 0, 'pins that are open')
      kernel.processes.end(process)
    },
  },
  {
    id: 'wavert/one-step-at-a-time',
    title: 'the port steps from STOP by ACQUIRE and PAUSE to RUN and back; a skip never reaches the miniport',
    rules: ['WRT-035'],
    run: async (context) => {
      const { check } = context
      const { pin, answers } = await openScripted(context)
      check.equal(pin.state, KSSTATE_STOP, 'the state of a new stream')
      for (const state of [KSSTATE_PAUSE, KSSTATE_RUN])
        check.callerError('WRT-035', `from STOP to ${state}`, await failing(pin.setState(state)))
      check.equal(answers.states.join(' '), '', 'what the miniport heard of skips')
      answers.stateStatus = NtStatus.STATUS_UNSUCCESSFUL
      check.equal(await pin.setState(KSSTATE_ACQUIRE), NtStatus.STATUS_UNSUCCESSFUL, 'the status of a step that failed')
      check.equal(pin.state, KSSTATE_STOP, 'the state after a step that failed')
      answers.stateStatus = 0
      answers.states.length = 0
      await stepTo(context, pin, KSSTATE_RUN)
      for (const state of [KSSTATE_STOP, KSSTATE_ACQUIRE])
        check.callerError('WRT-035', `from RUN to ${state}`, await failing(pin.setState(state)))
      await pin.close()
      check.equal(answers.states.join(' '), '1 2 3 2 1 0', 'steps up, and down on close')
    },
  },
  {
    id: 'wavert/no-position-register',
    title: 'a stream without a position register says so by either status; one with it gives it once, of 32 or 64 bits',
    rules: ['WRT-038', 'WRT-039'],
    run: async (context) => {
      const { check } = context
      const { pin, answers } = await openScripted(context)
      const out: { value?: HwRegister } = {}
      for (const status of [STATUS_NOT_SUPPORTED, STATUS_NOT_IMPLEMENTED]) {
        answers.registerStatus = status
        check.equal(
          pin.positionRegister(out),
          STATUS_NOT_SUPPORTED,
          `what the client gets for 0x${status.toString(16)}`,
        )
        check.absent(out.value, 'the output without a register')
      }
      answers.registerStatus = 0
      check.equal(pin.positionRegister(out), 0, 'the first request')
      const again: { value?: HwRegister } = {}
      check.ok(pin.positionRegister(again) >= 0xc000_0000, 'the second request fails')
      check.absent(again.value, 'the output of the second request')
      answers.width = 16
      check.callerError('WRT-038', 'a register of 16 bits', () => pin.clockRegister({}))
      await pin.close()
    },
  },
  {
    id: 'wavert/positions-outside-are-noticed',
    title: 'the port takes positions below the size of the buffer, and none at it',
    rules: ['WRT-036'],
    run: async (context) => {
      const { check } = context
      const { pin, answers } = await openScripted(context)
      check.equal(await pin.allocateBuffer({ RequestedBufferSize: BYTES }), 0, 'AllocateAudioBuffer')
      const size = BigInt(answers.actualSize(BYTES))
      answers.position = [size - 1n, 0n]
      check.equal(pin.position().PlayOffset, Number(size) - 1, 'the last position')
      for (const position of [
        [size, 0n],
        [0n, size],
        [0n, 0xffff_ffff_ffff_ffffn],
      ] as const) {
        answers.position = position
        check.callerError('WRT-036', `offsets ${position.join(' and ')} of ${size}`, () => pin.position())
      }
      await pin.close()
    },
  },
  {
    id: 'wavert/notification-counts',
    title: 'the port asks for 1 or 2 notifications a turn, and for no other number',
    rules: ['WRT-040'],
    run: async (context) => {
      const { check } = context
      const { pin, answers } = await openScripted(context)
      for (const count of [0, 3]) {
        const status = await pin.allocateBuffer({ RequestedBufferSize: BYTES, NotificationCount: count })
        check.equal(status, STATUS_INVALID_PARAMETER, `the status for a count of ${count}`)
      }
      for (const count of [1, 2]) {
        const status = await pin.allocateBuffer({ RequestedBufferSize: BYTES, NotificationCount: count })
        check.equal(status, 0, `the status for a count of ${count}`)
        check.equal(await pin.freeBuffer(), 0, 'FreeBufferWithNotification')
      }
      check.equal(answers.counts.join(' '), '1 2', 'counts that the miniport was asked for')
      await pin.close()
    },
  },
]
