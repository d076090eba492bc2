import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { sleep, systemClock } from '../../src/base/clock.ts'
import { openSession } from '../../src/session/open.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { type Bench, failure, PATIENCE, setBusMaster } from '../contract/bench.ts'
import { benchedDevices } from './devices.ts'
import { type BenchedFunction, openPciBench } from './pci-bench.ts'

/** Milliseconds from the kernel's request to a device that is let go. */
const LET_GO = 2000
const LONG = 60_000
/** A process of its own takes half a minute to start where the host is busy. */
const START = 240_000

/** What the kernel does with a device that somebody holds and somebody else wants. The last test takes it away for good. */
export function describeLettingGo(backend: PciBackend): void {
  const [edu] = benchedDevices
  // on PCI Express, for only such a device reports errors
  const express = benchedDevices.find(({ name }) => name === 'qemu-e1000e')
  if (edu === undefined || express === undefined) throw new Error('the bench lacks devices to let go of')
  const { address } = edu
  const fn = { ...edu, backend }
  const folder = `/sys/bus/pci/devices/${address}`
  const busMaster = (): boolean => ((readFileSync(join(folder, 'config'))[4] ?? 0) & 4) !== 0

  describe(`letting go of ${backend}:${address}`, () => {
    afterEach(() => {
      if (existsSync(folder) && !existsSync(join(folder, 'driver')))
        writeFileSync('/sys/bus/pci/drivers_probe', address)
    })

    it('bus mastering is on for as long as the device is open and wants it, seen from outside', async () => {
      expect(busMaster()).toBe(false)
      await opened(fn, (bench) => {
        expect(busMaster()).toBe(false)
        setBusMaster(bench, true)
        expect(busMaster()).toBe(true)
      })
      expect(busMaster()).toBe(false)
    })

    it('config space has the ids that sysfs has', async () => {
      const id = (file: string): number => Number(readFileSync(join(folder, file), 'utf8'))
      const ids = ['vendor', 'device', 'subsystem_vendor', 'subsystem_device'].map(id)
      await opened(fn, ({ device: { config } }) => {
        expect([config.read16(0), config.read16(2), config.read16(0x2c), config.read16(0x2e)]).toEqual(ids)
      })
    })

    it(
      'unbinding during a wait ends the wait, and returns once the device is closed',
      async () => {
        const ended: string[] = []
        const { unbinding } = await opened(fn, async ({ device: { interrupts, notices } }) => {
          interrupts.enable('msi', 1)
          const waiting = failure(() => interrupts.wait(0, 0, { timeoutMs: LONG }))
          const unbinding = unbind(address).then((status) => (ended.push('unbound'), status))
          expect(await waiting).toBe('device-gone')
          expect(notices.gone.reason).toHaveProperty('code', 'device-gone')
          await sleep(systemClock, 300)
          ended.push('closing')
          return { unbinding }
        })
        expect(await unbinding).toBe(0)
        expect(ended).toEqual(['closing', 'unbound'])
      },
      LONG,
    )

    it(
      'a session that nobody closes lets go by itself, within 2 s, and is closed in order after that',
      async () => {
        await using session = await openSession({ device: address, backend })
        session.device.dma.map({ memory: session.frames, indices: session.frames.allocate({ count: 4 }) }, 'both')
        const asked = new Promise<number>((resolve) =>
          session.gone.addEventListener('abort', () => resolve(systemClock.now())),
        )
        const unbinding = unbind(address)
        const since = await asked
        expect(await unbinding).toBe(0)
        expect(systemClock.now() - since).toBeLessThan(LET_GO)
        await session.close()
      },
      LONG,
    )

    it(
      'a run ends with status 3 and a record that says why',
      async () => {
        const record = '/tmp/stopped.json'
        const words = ['probar', 'run', '--device', address, '--backend', backend, '--reporter', `json=${record}`]
        const run = spawn('npx', words, { stdio: ['ignore', 'ignore', 'pipe'] })
        let stderr = ''
        run.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
        const ended = new Promise<number | null>((resolve) => run.once('exit', resolve))
        await Promise.race([
          untilHeld(),
          ended.then((status) => Promise.reject(new Error(`status ${status}: ${stderr}`))),
        ])
        await sleep(systemClock, 500)
        expect(await unbind(address)).toBe(0)
        expect([await ended, stderr]).toEqual([3, expect.stringContaining('device-gone: ')])
        expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ stopped: { code: 'device-gone' } })
      },
      2 * START,
    )

    const injects = existsSync('/dev/aer_inject')
    const errorIt = injects ? it : it.skip
    errorIt(
      `an error that a device cannot correct ends waits${injects ? '' : ' (skipped: the kernel injects none)'}`,
      async () => {
        await opened({ ...express, backend }, async ({ device: { interrupts, notices } }) => {
          expect(notices.kinds).toContain('error')
          interrupts.enable('msi', 1)
          const waiting = failure(() => interrupts.wait(0, 0, { timeoutMs: LONG }))
          injectError(express.address)
          expect(await waiting).toBe('bus-error')
        })
      },
      LONG,
    )

    it(
      'unplugging during a wait ends the wait, and the device is gone within 2 s of that',
      async () => {
        const since = await opened(fn, async ({ device: { interrupts } }) => {
          interrupts.enable('msi', 1)
          const waiting = failure(() => interrupts.wait(0, 0, { timeoutMs: LONG }))
          askTheBench({ id: 1, do: 'unplug', device: address })
          expect(await waiting).toBe('device-gone')
          expect(existsSync(folder)).toBe(true)
          return systemClock.now()
        })
        while (existsSync(folder) && systemClock.now() - since < PATIENCE) await sleep(systemClock, 20)
        expect(systemClock.now() - since).toBeLessThan(LET_GO)
      },
      LONG,
    )
  })
}

/** The device is closed whatever becomes of `act`. */
async function opened<T>(fn: BenchedFunction, act: (bench: Bench) => T | Promise<T>): Promise<T> {
  const bench = await openPciBench(fn)
  try {
    return await act(bench)
  } finally {
    await bench.close()
  }
}

/** Another process does it, for the kernel keeps it until the device is let go. @returns its exit status */
function unbind(address: string): Promise<number | null> {
  const line = `echo ${address} > /sys/bus/pci/devices/${address}/driver/unbind`
  return new Promise((resolve) => spawn('sh', ['-c', line], { stdio: 'ignore' }).once('exit', resolve))
}

/** Until some other process has a device open. */
async function untilHeld(): Promise<void> {
  const deadline = systemClock.now() + START
  while (!readdirSync('/proc').some((name) => /^\d+$/.test(name) && name !== String(process.pid) && holds(name))) {
    if (systemClock.now() > deadline) throw new Error('nobody opened the device')
    await sleep(systemClock, 50)
  }
}

function holds(pid: string): boolean {
  try {
    const files = readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`))
    return files.some((file) => file.includes('[vfio-device]') || file.includes('/dev/vfio/devices/'))
  } catch {
    return false // it ended meanwhile
  }
}

/** A completion timeout, which is not fatal: include/uapi/linux/pci_regs.h, and struct aer_error_inj in the kernel's driver. */
function injectError(address: string): void {
  const [, bus = '', device = '', fn = ''] = /^0000:(..):(..)\.(.)$/.exec(address) ?? []
  const error = Buffer.alloc(32)
  for (const [index, part] of [bus, device, fn].entries()) error.writeUInt8(Number.parseInt(part, 16), index)
  error.writeUInt32LE(0x4000, 4)
  writeFileSync('/dev/aer_inject', error)
}

/** The bench answers too, but what counts is what becomes of the device. */
function askTheBench(request: object): void {
  const channel = openSync(process.env['PROBAR_LAB'] ?? '', 'r+')
  writeSync(channel, `${JSON.stringify(request)}\n`)
  closeSync(channel)
}
