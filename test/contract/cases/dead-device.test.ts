import { describe, expect, it } from '@jest/globals'
import { NtStatusError } from '../../../src/base/errors.ts'
import { NtStatus } from '../../../src/base/ntstatus.ts'
import type { RegisterAccess } from '../../../src/device/contract.ts'
import { openSession } from '../../../src/session/open.ts'
import type { Plant } from '../../../src/session/plant.ts'
import { allCases } from '../../../src/suite/all-cases.ts'
import type { Need } from '../../../src/suite/needs.ts'
import { altered } from './plants/altered.ts'
import { attempt, attemptIn, caseNamed } from './plants/attempt.ts'
import { streams } from './plants/broken-audio.ts'
import { regions } from './plants/broken-platform.ts'

/** What shows nothing must not be taken for what holds: here nothing works, and no case may pass by that. */

const needing = (...needs: readonly Need[]) =>
  allCases.filter((one) => needs.some((need) => one.needs?.includes(need) === true))

async function passing(bench: { readonly ref?: string; readonly plant?: Plant }, cases = allCases) {
  const record = await attempt({ ...bench, cases })
  expect(record.cases).toHaveLength(cases.length)
  return record.cases.filter(({ verdict }) => verdict === 'pass').map(({ id }) => id)
}

/** Registers that take everything and answer the same value to everything. */
function answering(value: bigint): Plant {
  const narrow = (bits: number) => () => Number(BigInt.asUintN(bits, value))
  const registers: RegisterAccess = {
    read8: narrow(8),
    read16: narrow(16),
    read32: narrow(32),
    read64: () => value,
    write8: () => undefined,
    write16: () => undefined,
    write32: () => undefined,
    write64: () => undefined,
    access64: 'whole',
    readBlock: (_, into) => {
      for (const index of into.keys())
        into[index] = into instanceof BigUint64Array ? value : Number(BigInt.asUintN(8 * into.BYTES_PER_ELEMENT, value))
    },
    writeBlock: () => undefined,
    run: ({ widths }) => BigUint64Array.from(widths, (width) => BigInt.asUintN(8 * width, value)),
  }
  return regions((bar) => ({ ...registers, map: (...args) => altered(bar.map(...args), registers) }))
}

const refusal = (): number => NtStatus.STATUS_INSUFFICIENT_RESOURCES
const nothing = (): null => null
const raised = (): never => {
  throw new NtStatusError(NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'refused')
}
/** Of what a macro computes, and of MDLs in memory of the caller's own, a Windows refuses nothing. */
const MACROS: readonly string[] = ['mdl/span-of-a-range', 'mdl/span-does-not-wrap', 'mdl/initialised-header']

const refusesAll: Plant = {
  ddi: (ddi) => ({
    ...ddi,
    mm: altered(ddi.mm, {
      MmAllocatePagesForMdl: nothing,
      MmAllocatePagesForMdlEx: nothing,
      MmAllocateNodePagesForMdlEx: nothing,
      MmAllocateMdlForIoSpace: refusal,
      MmProbeAndLockPages: raised,
      ExAllocatePool2: nothing,
    }),
    io: altered(ddi.io, { IoAllocateMdl: nothing }),
    dma: altered(ddi.dma, { IoGetDmaAdapter: nothing }),
    portcls: altered(ddi.portcls, { AllocatePagesForMdl: nothing, AllocateContiguousPagesForMdl: nothing }),
    waveRT: altered(ddi.waveRT, { openPin: () => Promise.resolve(refusal()) }),
    dxgk: altered(ddi.dxgk, { DxgkCbMapMemory: refusal, DxgkCbGetDeviceInformation: refusal }),
  }),
}

describe('no case that needs the DMA engine passes', () => {
  it.each([
    ['on a device that moves nothing', { ref: 'loopback:edu?fault=dma-writes-lost,dma-reads-zeros' }],
    ['on a device that writes nothing', { ref: 'loopback:edu?fault=dma-writes-lost' }],
    ['on a device whose transfers never end', { ref: 'loopback:edu?fault=dma-never-completes' }],
    ['on a device whose registers read as zeros', { plant: answering(0n) }],
    ['on a device that left the bus', { plant: answering(0xffff_ffff_ffff_ffffn) }],
    ['on a device that reads zeros, descriptors too', { ref: 'loopback:sg?fault=dma-reads-zeros' }],
    ['on an sg whose registers read as zeros', { ref: 'loopback:sg', plant: answering(0n) }],
    ['on an sg that left the bus', { ref: 'loopback:sg', plant: answering(0xffff_ffff_ffff_ffffn) }],
  ])('%s', async (_, bench) => {
    expect(await passing(bench, needing('engine'))).toEqual([])
  })

  it('on a device whose lists never end, and the end of the session says that it does not rest', async () => {
    const session = await openSession({ device: 'loopback:sg?fault=list-busy-for-ever' })
    const { cases } = await attemptIn(session, needing('engine'))
    expect(cases.filter(({ verdict }) => verdict === 'pass')).toEqual([])
    await expect(session.close()).rejects.toMatchObject({
      errors: [expect.objectContaining({ code: 'timeout' }), expect.objectContaining({ code: 'timeout' })],
    })
  })

  it('by what it reads, on a device that receives nothing but zeros', async () => {
    const writersOnly = [
      'dma/device-writes-exactly-the-list',
      'dma/completion-by-interrupt',
      'dma/addresses-within-reach',
      'dma/refused-write-is-reported',
      'ks/device-fills-the-frame',
      'ks/capture-fills-frames-in-order',
      'ks/capture-leaves-the-tail-alone',
      'ks/capture-cancelled-frame-is-left-by-the-device',
      'ks/capture-cancellation-causes-no-fault',
      'ks/capture-skips-what-was-cancelled',
      'ks/capture-stops-with-frames-in-flight',
      'ks/capture-drops-what-finds-no-frame',
    ]
    const bench = { ref: 'loopback:edu?fault=dma-reads-zeros' }
    expect((await passing(bench, needing('engine'))).filter((id) => !writersOnly.includes(id))).toEqual([])
  })
})

describe('no case that knows a register passes', () => {
  it.each([
    ['on a device whose registers read as zeros', 0n],
    ['on a device that left the bus', 0xffff_ffff_ffff_ffffn],
  ])('%s', async (_, value) => {
    const cases = needing('constant-register', 'inverting-register')
    expect(await passing({ plant: answering(value) }, cases)).toEqual([])
  })
})

describe('a Windows that refuses everything', () => {
  it('passes no case, but for macros', async () => {
    expect((await passing({ plant: refusesAll })).filter((id) => !MACROS.includes(id))).toEqual([])
  })
})

describe('no case of a register is taken for proven', () => {
  it('on a device that has none: it is skipped, and says so', async () => {
    const none = (): number => NtStatus.STATUS_NOT_SUPPORTED
    const plant = streams(() => ({ GetPositionRegister: none, GetClockRegister: none }))
    const ids = ['wavert/position-register', 'wavert/register-once-a-pin', 'wavert/clock-register']
    const { cases } = await attempt({ plant, cases: ids.map(caseNamed) })
    expect(cases.map(({ id, verdict, reason }) => [id, verdict, reason?.code])).toEqual(
      ids.map((id) => [id, 'skip', 'no-hardware-register']),
    )
  })
})
