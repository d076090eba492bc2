import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { adapters, describing, dma } from '../plants/broken-ddi.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'
import { adapterBytes, answering, misanswering, tolerates, tolerating } from './broken.ts'
import { getting, telling } from './lists.ts'

const TABLE = 16

const adapterAtAnyLevel = dma((dma, kernel) => ({
  IoGetDmaAdapter(...args) {
    const level = kernel.KeGetCurrentIrql()
    kernel.KeLowerIrql(KIRQL.PASSIVE_LEVEL)
    const adapter = dma.IoGetDmaAdapter(...args)
    kernel.KeRaiseIrql(level)
    return adapter
  },
}))

/** Exactly these versions are supported. */
function versions(supported: readonly number[]): Plant {
  return dma((dma) => ({
    IoGetDmaAdapter(device, description, registers) {
      const version = description.get('Version')
      if (!supported.includes(version)) return null
      description.set('Version', Math.min(version, 3))
      const adapter = dma.IoGetDmaAdapter(device, description, registers)
      description.set('Version', version)
      return adapter
    },
  }))
}

/** Version 4 is nothing special, verified or not. */
const bugCheckAlways: Plant = dma((family) => ({
  IoGetDmaAdapter(...args) {
    family.platform.verification = true
    return family.IoGetDmaAdapter(...args)
  },
}))

/** Adapters for long transfers are verified, whatever the case says. */
const guardsStay: Plant = dma((family) => ({
  IoGetDmaAdapter(device, description, registers) {
    if (description.get('MaximumLength') > PAGE_SIZE) family.platform.verification = true
    return family.IoGetDmaAdapter(device, description, registers)
  },
}))

/** Defects for the cases of adapters themselves. */
export const adapterDefects: Defects = {
  'dma/adapter-in-place': [
    planted(
      'the version of its operations',
      'Version for version',
      adapterBytes((bytes) => bytes.write(0, Uint8Array.of(3))),
    ),
    planted(
      'the size of another structure',
      'Size for version',
      adapterBytes((bytes) => bytes.write(2, Uint8Array.of(24))),
    ),
    planted(
      'the size of version 3 for all',
      'size of the operations of version 0',
      adapterBytes((bytes) => bytes.set32(TABLE, 320)),
    ),
    planted(
      'an operation is missing',
      'the operation at byte 88 of version 0',
      adapterBytes((bytes) => bytes.set64(TABLE + 88, 0n)),
    ),
    planted(
      'version 3 ends where version 2 does',
      'the operation at byte 128 of version 3',
      adapterBytes((bytes) => {
        if (bytes.u32(TABLE) === 320) bytes.write(TABLE + 128, new Uint8Array(192))
      }),
    ),
  ],
  'dma/adapter-versions': [
    planted('version 0 is refused', 'an adapter for version 0', versions([1, 2, 3])),
    planted('version 3 is refused', 'an adapter for version 3', versions([0, 1, 2])),
    planted('version 4 is accepted', 'version 4, verified', versions([0, 1, 2, 3, 4])),
    planted('version 4 is a bug check always', '0xe6/0x25', bugCheckAlways),
    planted(
      'none are told',
      'the number of map registers',
      telling(() => undefined),
    ),
    planted(
      'no map registers',
      'map registers for version 0',
      telling(() => 0),
    ),
    planted('it is given at any level', 'at DISPATCH_LEVEL', adapterAtAnyLevel),
  ],
  'dma/operations-by-version': [
    planted(
      'version 1 has it',
      'CalculateScatterGatherList of version 1',
      tolerates('CalculateScatterGatherList', 'caller-error', 0),
    ),
    planted(
      'version 2 fails',
      'CalculateScatterGatherList since version 2',
      misanswering('CalculateScatterGatherList', () => NtStatus.STATUS_NOT_SUPPORTED),
    ),
    planted(
      'it tells nothing',
      'its size',
      misanswering('CalculateScatterGatherList', (status, ...args) => {
        delete (args[3] as { value?: number }).value
        return status
      }),
    ),
    planted('version 2 has it', 'FreeAdapterObject before version 3', tolerates('FreeAdapterObject', 'caller-error')),
  ],
  'dma/width-by-description': [
    planted(
      'the width is ignored',
      'without scatter/gather 32 lists end',
      describing((one) => one.set('Dma64BitAddresses', 1)),
    ),
    planted(
      'scatter/gather is overlooked',
      'with it one of 32 ends above',
      describing((one) => one.set('ScatterGather', 0)),
    ),
    fault('dma-writes-lost', 'what the device wrote below 24 bits'),
  ],
  'dma/alignment': [
    planted('it is 64 always', 'alignment on x64', answering('GetDmaAlignment', 64)),
    planted('it is 1 always', 'alignment of a platform', answering('GetDmaAlignment', 1)),
    planted(
      'starts are rounded',
      'a start between two lines',
      getting(({ at }) => ({ at: at & ~63n })),
    ),
    planted(
      'lengths are rounded',
      'a length of half a line',
      getting(({ length }) => ({ length: Math.ceil(length / 64) * 64 })),
    ),
  ],
  'dma/put-with-leftovers': [
    planted('common buffers are forgotten', 'with a common buffer', tolerating('PutDmaAdapter', 0x07)),
    planted('the channel is forgotten', 'with a channel', tolerating('PutDmaAdapter', 0x08)),
    planted('map registers are forgotten', 'with map registers', tolerating('PutDmaAdapter', 0x09)),
    planted('lists are forgotten', 'with a list', tolerating('PutDmaAdapter', 0x0a)),
    planted('there are none', 'a common buffer', answering('AllocateCommonBuffer', null)),
    planted('the channel is refused', 'a channel', answering('AllocateAdapterChannel', NtStatus.STATUS_UNSUCCESSFUL)),
  ],
  'dma/dead-and-null-adapters': [
    planted('it lives on', 'an operation of a released adapter', tolerates('GetDmaAlignment', 0x18, 1)),
    planted('twice is once', 'releasing it again', tolerating('PutDmaAdapter', 0x18)),
    planted('NULL is nothing', 'releasing NULL', tolerating('PutDmaAdapter', 0x19)),
    planted('it is still there', 'HalGetAdapter', tolerating('HalGetAdapter', 0x1e)),
  ],
  'dma/verification-off': [
    planted(
      'a status always',
      'one map register too many, verified',
      tolerates('AllocateAdapterChannel', 0x0c, NtStatus.STATUS_INSUFFICIENT_RESOURCES),
    ),
    planted(
      'too many are granted',
      'one map register too many, not verified',
      adapters((adapter) => ({
        AllocateAdapterChannel: (device, count, ...rest) => {
          const allocate = adapter.AllocateAdapterChannel.bind(adapter)
          const status = allocate(device, count, ...rest)
          return status === NtStatus.STATUS_INSUFFICIENT_RESOURCES ? 0 : status
        },
      })),
    ),
    planted('guards stay', '0xe6/0xf', guardsStay),
  ],
}
