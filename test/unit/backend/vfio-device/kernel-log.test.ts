import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { KernelLog } from '../../../../src/backend/vfio-device/faults/kernel-log.ts'

/** A pipe in the place of the kernel's log: what is written in one go is read in one go, if it is read in between. */
class FakeLog implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'probar-kmsg-'))
  readonly path = join(this.#folder, 'kmsg')
  readonly #descriptor: number

  constructor() {
    execFileSync('mkfifo', [this.path])
    this.#descriptor = openSync(this.path, constants.O_RDWR | constants.O_NONBLOCK)
  }

  write(record: string): void {
    writeSync(this.#descriptor, record)
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
    rmSync(this.#folder, { recursive: true })
  }
}

it('gives the text of what is written from now on, and nothing of what was there before', () => {
  using fake = new FakeLog()
  fake.write('6,1,100,-;before\n')
  using log = new KernelLog(fake.path)
  expect(log.next()).toBeUndefined()
  fake.write('3,2,200,-;DMAR: a fault; with a semicolon\n')
  expect(log.next()).toBe('DMAR: a fault; with a semicolon')
  expect(log.next()).toBeUndefined()
  expect(log.lost).toBe(false)
})

it('says why it cannot be opened and who may', () => {
  expect(() => new KernelLog('/nowhere/kmsg')).toThrow(
    expect.objectContaining({ code: 'permission-denied', message: expect.stringContaining('run as root') }),
  )
})
