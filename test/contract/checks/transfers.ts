import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { advance } from '../../../src/base/address.ts'
import {
  type Bench,
  busOf,
  type Check,
  expectPoison,
  load,
  loadBytes,
  map,
  pattern,
  PATIENCE,
  poison,
  setBusMaster,
  store,
} from '../bench.ts'

/** Each transfer takes the device 100 ms of its time, so there are few. The memory is the oracle, always. */
export const transferChecks: readonly Check[] = [
  {
    name: 'it moves bytes out of memory and back, across frames, and touches no byte beside them',
    needs: ['edu', 'placement'],
    async run(bench) {
      const [before, length] = [1000, 3000]
      const around = [19, 20, 21, 29, 30, 31]
      const bytes = pattern(1, length)
      await loadBytes(bench, bytes)
      poison(bench, around)
      {
        using target = map(bench, [20, 30], 'write', { kind: 'join' })
        await store(bench, advance(busOf(target), PAGE_SIZE - before), length)
      }
      expect(bench.memory.read(21 * PAGE_SIZE - before, before)).toEqual(bytes.slice(0, before))
      expect(bench.memory.read(30 * PAGE_SIZE, length - before)).toEqual(bytes.slice(before))
      expectUntouched(bench, 20, 0, PAGE_SIZE - before)
      expectUntouched(bench, 30, length - before, PAGE_SIZE)
      expectPoison(bench, [19, 21, 29, 31])
    },
  },
  {
    name: 'it gathers a read that crosses frames',
    needs: ['edu', 'placement'],
    async run(bench) {
      const bytes = pattern(2, 200)
      bench.memory.write(41 * PAGE_SIZE - 100, bytes.subarray(0, 100))
      bench.memory.write(50 * PAGE_SIZE, bytes.subarray(100))
      using source = map(bench, [40, 50], 'read', { kind: 'join' })
      using target = map(bench, [12], 'write')
      await load(bench, advance(busOf(source), PAGE_SIZE - 100), 200)
      await store(bench, busOf(target), 200)
      expect(bench.memory.read(12 * PAGE_SIZE, 200)).toEqual(bytes)
    },
  },
  {
    name: 'memory that is mapped for reading is not written',
    needs: ['edu', 'revocation'],
    async run(bench) {
      await loadBytes(bench, pattern(3, 64))
      poison(bench, [22])
      using target = map(bench, [22], 'read')
      await store(bench, busOf(target), 64)
      expectPoison(bench, [22])
    },
  },
  {
    name: 'memory that is mapped for writing is read exactly where the platform says that it cannot forbid it',
    needs: ['edu'],
    async run(bench) {
      const secret = pattern(4, 64)
      await loadBytes(bench, pattern(5, 64))
      bench.memory.write(23 * PAGE_SIZE, secret)
      using source = map(bench, [23], 'write')
      using target = map(bench, [24], 'write')
      await load(bench, busOf(source), 64)
      await store(bench, busOf(target), 64)
      const read = Buffer.from(secret).equals(bench.memory.read(24 * PAGE_SIZE, 64))
      expect(read).toBe(!bench.device.dma.capabilities.writeOnly)
    },
  },
  {
    name: 'memory that was unmapped is not written',
    needs: ['edu', 'revocation'],
    async run(bench) {
      await loadBytes(bench, pattern(6, 64))
      poison(bench, [25])
      const target = map(bench, [25])
      const bus = busOf(target)
      target.unmap()
      await store(bench, bus, 64)
      expectPoison(bench, [25])
    },
  },
  {
    name: 'an address that was never mapped reaches no frame, not even the one of that number',
    needs: ['edu', 'revocation'],
    async run(bench) {
      await loadBytes(bench, pattern(7, 64))
      poison(bench, [40])
      await store(bench, BigInt(40 * PAGE_SIZE), 64)
      expectPoison(bench, [40])
    },
  },
  {
    name: 'it moves nothing while bus mastering is off',
    needs: ['edu'],
    async run(bench) {
      await loadBytes(bench, pattern(8, 64))
      poison(bench, [26])
      using target = map(bench, [26])
      setBusMaster(bench, false)
      await store(bench, busOf(target), 64)
      setBusMaster(bench, true)
      expectPoison(bench, [26])
    },
  },
  {
    name: 'address bits that the device lacks are cut off',
    needs: ['edu'],
    async run(bench) {
      const { addressBits } = bench.device.dma.capabilities
      // A device with all 64 bits has none to cut: any address reaches as it is.
      const beyond = addressBits < 64 ? 1n << BigInt(addressBits) : 0n
      const bytes = pattern(9, 64)
      await loadBytes(bench, bytes)
      using target = map(bench, [27])
      await store(bench, busOf(target) + beyond, 64)
      expect(bench.memory.read(27 * PAGE_SIZE, 64)).toEqual(bytes)
    },
  },
  {
    name: 'a refused access is reported with its page and direction',
    needs: ['edu', 'revocation', 'faults'],
    async run(bench) {
      const { device } = bench
      const mapping = map(bench, [28])
      const bus = busOf(mapping)
      mapping.unmap()
      using watch = await device.faults.watch()
      await store(bench, advance(bus, 0x80), 64)
      const fault = await watch.next({ timeoutMs: PATIENCE })
      expect(fault).toMatchObject({ device: device.address, direction: 'write' })
      expect((fault?.address ?? 0n) >> 12n).toBe(bus >> 12n)
    },
  },
]

function expectUntouched(bench: Bench, frame: number, from: number, to: number): void {
  const touched = bench.memory.read(frame * PAGE_SIZE + from, to - from).findIndex((byte) => byte !== 0xee)
  expect({ frame, touched }).toEqual({ frame, touched: -1 })
}
