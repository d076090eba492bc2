import { PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL } from '../../../ddi/constants.ts'
import type { Case } from '../../case.ts'
import { openDescribed } from '../parts/adapters.ts'
import { describeBusMaster, openAdapter } from '../parts/buffers.ts'
import { LOCKED, MAPPINGS, Stream, registerAdapter, remainingEntries } from '../parts/streams.ts'

export const registrationCases: readonly Case[] = [
  {
    id: 'ks/mappings-need-flag-and-adapter',
    title: 'mappings are made only for a pin with the flag, of a device whose adapter was registered before data came',
    rules: ['KSM-010'],
    run: (context) => {
      const { check, ddi, device } = context
      const early = new Stream(context, { flags: MAPPINGS })
      early.queue(2 * PAGE_SIZE)
      const locking = (): unknown => ddi.ks.KsPinGetLeadingEdgeStreamPointer(early.pin, LOCKED)
      check.callerError('KSM-010', 'a lock without an adapter', locking)
      early.close()
      const mapped = device.dma.entries
      check.equal(registerAdapter(context, { maxBytes: PAGE_SIZE }), 0, 'RegisterAdapterObjectEx')
      const plain = new Stream(context)
      plain.queue(2 * PAGE_SIZE)
      check.equal(plain.leading().OffsetOut.Count, 2 * PAGE_SIZE, 'bytes of a pin without the flag')
      check.equal(device.dma.entries, mapped, 'DMA mappings for a pin without the flag')
      plain.eject(plain.leading())
      plain.close()
      const stream = new Stream(context, { flags: MAPPINGS })
      stream.queue(2 * PAGE_SIZE)
      check.equal(stream.leading().OffsetOut.Count, 2, 'entries of a pin with the flag')
      check.ok(device.dma.entries > mapped, 'DMA mappings for a pin with the flag')
      check.callerError('KSM-010', 'registering after data', () => registerAdapter(context))
      stream.eject(stream.leading())
      stream.close()
    },
  },
  {
    id: 'ks/only-for-scatter-gather',
    title: 'an adapter that takes no lists is refused: common-buffer designs do not register',
    rules: ['KSM-011', 'KSM-010'],
    run: (context) => {
      const { check, device } = context
      const { addressBits } = device.dma.capabilities
      const adapter = openDescribed(context, { ScatterGather: 0, DmaAddressWidth: addressBits })
      check.callerError('KSM-010', 'an adapter without scatter/gather', () => registerAdapter(context, { adapter }))
      check.equal(registerAdapter(context), 0, 'one with it')
    },
  },
  {
    id: 'ks/adapter-is-alive',
    title: 'what is registered is an adapter that IoGetDmaAdapter gave and that was not put back',
    rules: ['KSM-011'],
    run: (context) => {
      const { check, ddi } = context
      const adapter = openAdapter(context)
      check.equal(registerAdapter(context, { adapter }), 0, 'an adapter that is alive')
      ddi.dma.PutDmaAdapter(adapter)
      check.callerError('KSM-011', 'one that was put back', () => registerAdapter(context, { adapter }))
    },
  },
  {
    id: 'ks/both-forms-register',
    title: 'both forms give the pin its mappings; that for 32-bit systems is written down as the wrong one on x64',
    rules: ['KSM-012', 'KSM-013'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const adapter = openAdapter(context)
      const registering = (): void => ddi.ks.KsDeviceRegisterAdapterObject(undefined, adapter, PAGE_SIZE, 32)
      check.callerError('KSM-012', 'the older form at DISPATCH_LEVEL', () =>
        kernel.at(KIRQL.DISPATCH_LEVEL, registering),
      )
      const before = kernel.ledger.entries.length
      registering()
      const [note] = kernel.ledger.entries.slice(before)
      check.equal(note?.rule, 'KSM-012', 'the rule of the note on the older form')
      check.equal(kernel.ledger.entries.length, before + 1, 'notes on the older form')
      const entriesOf = (stride: number): number => {
        const stream = new Stream(context, { flags: MAPPINGS })
        stream.queue(3 * PAGE_SIZE)
        const entries = remainingEntries(context, stream.leading(), stride)
        stream.eject(stream.leading())
        stream.close()
        return entries.size
      }
      check.equal(entriesOf(32), 3 * PAGE_SIZE, 'bytes in a table by the older form')
      check.equal(registerAdapter(context, { adapter, stride: 48, maxBytes: PAGE_SIZE }), 0, 'RegisterAdapterObjectEx')
      check.equal(entriesOf(48), 3 * PAGE_SIZE, 'bytes in a table by RegisterAdapterObjectEx')
      check.equal(kernel.ledger.entries.length, before + 1, 'notes after both forms')
    },
  },
  {
    id: 'ks/registration-is-checked',
    title: 'entries of no bytes and more map registers than there are are refused',
    rules: ['KSM-021', 'KSM-012'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const adapter = openAdapter(context)
      check.callerError('KSM-021', 'MaxMappingsByteCount 0', () => registerAdapter(context, { adapter, maxBytes: 0 }))
      const description = describeBusMaster(context, PAGE_SIZE)
      const registering = (count: number): number =>
        ddi.ks.RegisterAdapterObjectEx(adapter, description, count, PAGE_SIZE, 16)
      check.callerError('KSM-012', 'a map register too many', () => registering(adapter.mapRegisters + 1))
      check.equal(registering(adapter.mapRegisters), 0, 'as many as IoGetDmaAdapter gave')
      kernel.pool.free(description.address)
    },
  },
]
