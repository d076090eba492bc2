import { describe, expect, it } from '@jest/globals'
import { Disposal } from '../../../src/base/disposal.ts'
import { OsError } from '../../../src/base/errors.ts'
import { turnOn } from '../../../src/session/turn-on.ts'
import { FakeHardware } from './fake-hardware.ts'

const failing = (errno: number): OsError => new OsError('os-error', 'planted', errno, 'ioctl VFIO_DEVICE_RESET')

/** Ends a device whose reset fails with this number, once it was turned on. */
async function endWith(errno: number): Promise<void> {
  const fake = new FakeHardware()
  const undo = new Disposal()
  const { config } = fake.device
  const device = new Proxy(fake.device, {
    get: (_, key) => (key === 'config' ? { ...config, write16: () => undefined } : Reflect.get(fake.device, key)),
  })
  turnOn(device, true, undo)
  fake.error = failing(errno)
  await undo[Symbol.asyncDispose]()
}

describe('the reset at the end', () => {
  it('is left to the kernel while somebody unbinds the device, who holds its lock (EAGAIN)', async () => {
    await expect(endWith(11)).resolves.toBeUndefined()
  })

  it('fails the end with any other error', async () => {
    await expect(endWith(5)).rejects.toMatchObject({ errno: 5 })
  })
})
