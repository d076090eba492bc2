import { readdirSync, readlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { codeOf } from '../../src/base/errors.ts'
import type { Device, Region } from '../../src/device/contract.ts'
import { RegisterProgramError } from '../../src/device/register-program/outcome.ts'
import { registerProgram } from '../../src/device/register-program/program.ts'
import { walkCapabilities } from '../../src/pci/chain/conventional.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { type Bench, failure } from '../contract/bench.ts'
import { type BenchedDevice, benchedDevices } from './devices.ts'
import { openPciBench } from './pci-bench.ts'

// A worker that starts takes seconds in the guest, and far longer where its processors are not its own.
jest.setTimeout(300_000)

/** edu, which has no Power Management, and an e1000e, which has, and I/O ports. */
const [EDU, E1000E] = ['qemu-edu', 'qemu-e1000e'].map((wanted) => {
  const found = benchedDevices.find(({ name }) => name === wanted)
  if (found === undefined) throw new Error(`the bench has no ${wanted}`)
  return found
}) as [BenchedDevice, BenchedDevice]

const COMMAND = 4
const MEMORY = 0x2
/** Registers of the e1000e (QEMU: hw/net/e1000x_regs.h): STATUS in memory, and the window to it by I/O ports. */
const STATUS = 0x08
const [IOADDR, IODATA] = [0x00, 0x04]

/** Milliseconds: a poll must not get to its end, but to an error long before. */
const LONG = 9900
const MEANWHILE = 300

/** Where the kernel has config space in the device's file: region 7 (drivers/vfio/pci: VFIO_PCI_INDEX_TO_OFFSET). */
const CONFIG_START = 7 * 2 ** 40

function region(device: Device, index: number): Region {
  const found = device.regions.find((one) => one.index === index)
  if (found === undefined) throw new Error(`there is no BAR ${index}`)
  return found
}

/** Where the power state stands. */
function powerRegister({ config }: Device): number {
  const words = Uint32Array.from({ length: 64 }, (_, index) => config.read32(4 * index))
  const found = walkCapabilities(new Uint8Array(words.buffer)).links.find(({ id }) => id === 1)
  if (found === undefined) throw new Error('there is no Power Management')
  return found.offset + 4
}

/** The one device file that is open. */
function deviceFile(): number {
  const files = readdirSync('/proc/self/fd').filter((name) => {
    try {
      return /vfio-device|vfio\/devices\//.test(readlinkSync(`/proc/self/fd/${name}`))
    } catch {
      return false // the descriptor that lists them
    }
  })
  expect(files).toHaveLength(1)
  return Number(files[0])
}

/** Writes 2 bytes of config space from another thread, `MEANWHILE` from now, for this one will be busy. */
async function writeMeanwhile(offset: number, value: number): Promise<Worker> {
  const worker = new Worker(
    `const { parentPort, workerData: { file, position, value } } = require('node:worker_threads')
     parentPort.postMessage('ready')
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${MEANWHILE})
     require('node:fs').writeSync(file, Uint8Array.of(value & 0xff, value >> 8), 0, 2, position)`,
    { eval: true, workerData: { file: deviceFile(), position: CONFIG_START + offset, value } },
  )
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  return worker
}

const ended = (worker: Worker): Promise<unknown> =>
  worker.threadId === -1 ? Promise.resolve() : new Promise((resolve) => worker.once('exit', resolve))

/** Each way to a register, and what it ends in. */
async function attempts(registers: Region): Promise<readonly string[]> {
  const program = registerProgram().read(32, STATUS).build()
  return [
    await failure(() => registers.read32(STATUS)),
    await failure(() => registers.write32(STATUS, 0)),
    await failure(() => registers.readBlock(0, new Uint32Array(4))),
    await failure(() => registers.writeBlock(STATUS, new Uint32Array(1))),
    await failure(() => registers.run(program)),
  ]
}

/** The code of a poll for what never comes, with how long it took and what was read before. */
function poll(registers: Region, offset: number): { code: unknown; step: number; values: number; ms: number } {
  const program = registerProgram()
    .read(32, offset)
    .poll(32, offset, { mask: 0xffff_ffff, value: 0x1357_9bdf, timeoutMs: LONG, intervalUs: 10_000 })
    .build()
  const before = performance.now()
  try {
    registers.run(program)
  } catch (error) {
    if (!(error instanceof RegisterProgramError)) throw error
    return { code: codeOf(error), step: error.step, values: error.values.length, ms: performance.now() - before }
  }
  throw new Error('the poll was met')
}

/** Decoding and power taken away from a device while it is used. */
export function describeLostDevice(backend: PciBackend): void {
  let bench: Bench
  const open = (device: BenchedDevice): void => {
    beforeEach(async () => {
      bench = await openPciBench({ ...device, backend })
      const { config } = bench.device
      config.write16(COMMAND, config.read16(COMMAND) | MEMORY | 1)
    })
    afterEach(() => bench.close())
  }

  describe(`memory decoding that is cleared through ${backend}`, () => {
    open(EDU)

    it('ends a program that runs, with what it read before, and the device answers again afterwards', async () => {
      const { device } = bench
      const command = device.config.read16(COMMAND)
      const worker = await writeMeanwhile(COMMAND, command & ~MEMORY)
      const stopped = poll(region(device, 0), 0)
      await ended(worker)
      expect(stopped).toMatchObject({ code: 'decoding-off', step: 1, values: 1 })
      expect(stopped.ms).toBeLessThan(LONG)
      device.config.write16(COMMAND, command)
      expect(region(device, 0).read32(0)).toBe(0x0100_00ed)
    })
  })

  describe(`a device that is put to sleep through ${backend}`, () => {
    open(E1000E)

    it('gives an error to every access, and answers again once it is awake', async () => {
      const { device } = bench
      const registers = region(device, 0)
      const power = powerRegister(device)
      const before = registers.read32(STATUS)
      expect(before).not.toBe(0xffff_ffff)
      device.config.write16(power, 3)
      expect(device.config.read16(power) & 3).toBe(3)
      expect(await attempts(registers)).toEqual(Array<string>(5).fill('device-asleep'))
      device.config.write16(power, 0)
      expect(registers.read32(STATUS)).toBe(before)
    })

    it('ends a program that runs, with what it read before', async () => {
      const { device } = bench
      const power = powerRegister(device)
      const worker = await writeMeanwhile(power, 3)
      const stopped = poll(region(device, 0), STATUS)
      await ended(worker)
      expect(stopped).toMatchObject({ code: 'device-asleep', step: 1, values: 1 })
      expect(stopped.ms).toBeLessThan(LONG)
      device.config.write16(power, 0)
    })
  })

  describe(`I/O ports through ${backend}`, () => {
    open(E1000E)

    it('lead to the same registers, by single accesses, blocks and programs', () => {
      const [memory, ports] = [region(bench.device, 0), region(bench.device, 2)]
      expect([ports.kind, ports.mappable, ports.access64]).toEqual(['io', false, 'halves'])
      const status = memory.read32(STATUS)
      ports.write32(IOADDR, STATUS)
      expect(ports.read32(IODATA)).toBe(status)
      const words = new Uint32Array(2)
      ports.readBlock(IOADDR, words)
      expect([...words]).toEqual([STATUS, status])
      ports.writeBlock(IOADDR, Uint32Array.of(0, STATUS), 'fixed')
      const program = registerProgram()
        .read(32, IODATA)
        .write(32, IOADDR, STATUS)
        .poll(32, IODATA, { mask: 0xffff_ffff, value: status, timeoutMs: 100 })
        .build()
      expect([...ports.run(program)]).toEqual([BigInt(status), BigInt(status)])
      expect(ports.read64(IOADDR, 'low-first')).toBe((BigInt(status) << 32n) | BigInt(STATUS))
    })

    it('have no access of 8 bytes without the order of its halves', async () => {
      const ports = region(bench.device, 2)
      expect(await failure(() => ports.read64(IOADDR))).toBe('register-width')
      expect(await failure(() => ports.readBlock(IOADDR, new BigUint64Array(1)))).toBe('register-width')
      expect(await failure(() => ports.run(registerProgram().read(64, IOADDR).build()))).toBe('register-width')
    })
  })
}
