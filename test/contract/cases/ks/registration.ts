import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { DEVICE_DESCRIPTION } from '../../../../src/ddi/layout/x64.ts'
import type { Ks } from '../../../../src/ddi/ks/ks.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { describing } from '../plants/broken-ddi.ts'
import { atAnyLevel } from '../plants/broken-locking.ts'
import { domain } from '../plants/broken-platform.ts'
import { type RoutineArguments, after, answers, flagged, instead, swallows } from '../plants/broken-streams.ts'
import { type Defects, planted } from '../plants/defect.ts'

type Registering = RoutineArguments<'RegisterAdapterObjectEx'>
type Registration = RoutineArguments<'KsDeviceRegisterAdapterObject'>

const { STATUS_INSUFFICIENT_RESOURCES } = NtStatus

/** RegisterAdapterObjectEx with other arguments. */
const registering = (change: (args: Registering) => Registering): Plant =>
  instead('RegisterAdapterObjectEx', (ks, args) => ks.RegisterAdapterObjectEx(...change(args)))

/** RegisterAdapterObjectEx fails for some. */
const refusing = (which: (args: Registering) => boolean): Plant =>
  instead('RegisterAdapterObjectEx', (ks, args) =>
    which(args) ? STATUS_INSUFFICIENT_RESOURCES : ks.RegisterAdapterObjectEx(...args),
  )

/** The older form, with what it does in its place. */
const older = (register: (ks: Ks, args: Registration, kernel: Kernel) => void): Plant =>
  instead('KsDeviceRegisterAdapterObject', register)

/** The older form, as the newer does it: without a note. */
function silently(ks: Ks, [, adapter, maxBytes, stride]: Registration, kernel: Kernel): void {
  const description = kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
  description.set('ScatterGather', 1)
  ks.RegisterAdapterObjectEx(adapter, description, adapter.mapRegisters, maxBytes, stride)
  kernel.pool.free(description.address)
}

/** A pin without the flag is mapped all the same. */
const mapsAll = instead('KsPinGetLeadingEdgeStreamPointer', (ks, [pin, state]) => {
  const pointer = ks.KsPinGetLeadingEdgeStreamPointer(pin, state)
  const mdl = pointer === null ? null : ks.KsStreamPointerGetMdl(pointer)
  if (pin.Descriptor.Flags === 0 && mdl !== null) ks.generateMappings(mdl, 4096, false, {})
  return pointer
})

/** Defects for the cases of registration. */
export const registrationDefects: Defects = {
  'ks/mappings-need-flag-and-adapter': [
    planted(
      'a lock fails quietly',
      'a lock without an adapter',
      swallows('KsPinGetLeadingEdgeStreamPointer', 'KSM-010', null),
    ),
    planted('registering fails', 'RegisterAdapterObjectEx', answers('RegisterAdapterObjectEx', 0xc000_009a)),
    planted(
      'every pin makes mappings',
      'bytes of a pin without the flag',
      flagged((flags) => flags | 0x100),
    ),
    planted('every pin is mapped', 'DMA mappings for a pin without the flag', mapsAll),
    planted(
      'entries are split in two',
      'entries of a pin with the flag',
      registering(([adapter, description, count, max, stride]) => [adapter, description, count, max / 2, stride]),
    ),
    planted(
      'nothing is mapped',
      'DMA mappings for a pin with the flag',
      domain(() => ({ entries: 0 })),
    ),
    planted('it may come at any time', 'registering after data', swallows('RegisterAdapterObjectEx', 'KSM-010', 0)),
  ],
  'ks/only-for-scatter-gather': [
    planted(
      'any adapter will do',
      'an adapter without scatter/gather',
      describing((description) => description.set('ScatterGather', 1)),
    ),
    planted(
      'no adapter will do',
      'one with it',
      refusing(([adapter]) => adapter.scatterGather),
    ),
  ],
  'ks/adapter-is-alive': [
    planted('none will do', 'an adapter that is alive', answers('RegisterAdapterObjectEx', 0xc000_009a)),
    planted('any will do', 'one that was put back', swallows('RegisterAdapterObjectEx', 'KSM-011', 0)),
  ],
  'ks/both-forms-register': [
    planted(
      'it runs at any level',
      'the older form at DISPATCH_LEVEL',
      older((ks, args, kernel) => atAnyLevel(kernel, () => ks.KsDeviceRegisterAdapterObject(...args))),
    ),
    planted('the older form is as good', 'the rule of the note on the older form', older(silently)),
    planted(
      'it is written down twice',
      'notes on the older form',
      older((ks, args) => {
        ks.KsDeviceRegisterAdapterObject(...args)
        ks.KsDeviceRegisterAdapterObject(...args)
      }),
    ),
    planted(
      'the older form takes no stride',
      'bytes in a table by the older form',
      older((ks, [device, adapter, maxBytes]) => ks.KsDeviceRegisterAdapterObject(device, adapter, maxBytes, 16)),
    ),
    planted('the newer form fails', 'RegisterAdapterObjectEx', answers('RegisterAdapterObjectEx', 0xc000_009a)),
    planted(
      'the newer form takes no stride',
      'bytes in a table by RegisterAdapterObjectEx',
      registering(([adapter, description, count, max]) => [adapter, description, count, max, 16]),
    ),
    planted(
      'the newer form is written down too',
      'notes after both forms',
      after('RegisterAdapterObjectEx', (_, __, kernel) =>
        kernel.ledger.note({ rule: 'KSM-012', routine: 'RegisterAdapterObjectEx', text: 'it was called' }),
      ),
    ),
  ],
  'ks/registration-is-checked': [
    planted(
      'nothing becomes a byte',
      'MaxMappingsByteCount 0',
      registering(([adapter, description, count, max, stride]) => [
        adapter,
        description,
        count,
        Math.max(1, max),
        stride,
      ]),
    ),
    planted(
      'the count is cut',
      'a map register too many',
      registering(([adapter, description, count, max, stride]) => [
        adapter,
        description,
        Math.min(count, adapter.mapRegisters),
        max,
        stride,
      ]),
    ),
    planted(
      'one less is there',
      'as many as IoGetDmaAdapter gave',
      refusing(([adapter, , count, max]) => max > 0 && count === adapter.mapRegisters),
    ),
  ],
}
