import { describe, expect, it } from '@jest/globals'
import { OsError, ProbarError } from '../../../../src/base/errors.ts'
import { explainLoss } from '../../../../src/backend/vfio-device/registers/loss.ts'
import type { ConfigSpace } from '../../../../src/device/contract.ts'
import { RegisterProgramError } from '../../../../src/device/register-program/outcome.ts'

const PM = 0x50

/** A function with Power Management; what it is asked for beside that is not there. */
function config({ command = 0x6, state = 0, vendor = 0x8086, next = 0 } = {}): ConfigSpace {
  const bytes = new DataView(new ArrayBuffer(256))
  bytes.setUint16(0, vendor, true)
  bytes.setUint16(4, command, true)
  bytes.setUint16(6, 0x10, true)
  bytes.setUint8(0x34, PM)
  bytes.setUint8(PM, 1)
  bytes.setUint8(PM + 1, next)
  bytes.setUint16(PM + 4, 0x8 | state, true)
  return {
    size: 256,
    read8: (offset) => bytes.getUint8(offset),
    read16: (offset) => bytes.getUint16(offset, true),
    read32: (offset) => bytes.getUint32(offset, true),
  } as ConfigSpace
}

const lost = new ProbarError('device-gone', 'a load faulted')

describe('why a device does not answer', () => {
  it.each([
    ['it sleeps', { state: 3 }, 'device-asleep', /D3.*0x54/],
    ['it sleeps lightly', { state: 1 }, 'device-asleep', /D1/],
    ['its decoding is off', { command: 0x4 }, 'decoding-off', /bit 1/],
    ['it sleeps with its decoding off', { state: 3, command: 0 }, 'device-asleep', /D3/],
    ['it left the bus', { vendor: 0xffff }, 'device-gone', /fell off the bus/],
    ['its capabilities go in circles', { command: 0, next: PM }, 'decoding-off', /bit 1/],
  ] as const)('is told by config space: %s', (_, state, code, message) => {
    const explained = explainLoss(lost, config(state))
    expect(explained).toMatchObject({ code, cause: lost })
    expect((explained as ProbarError).message).toMatch(message)
  })

  it('stays open where config space shows nothing, or cannot be read', () => {
    expect(explainLoss(lost, config())).toBe(lost)
    const closed = {
      ...config(),
      read16: () => {
        throw new ProbarError('closed', 'closed')
      },
    }
    expect(explainLoss(lost, closed)).toBe(lost)
  })

  it('is asked for no other error', () => {
    for (const error of [new ProbarError('region-outside', 'text'), new TypeError('text'), 'text']) {
      expect(explainLoss(error, config({ state: 3 }))).toBe(error)
    }
  })

  it('keeps what the error carries', () => {
    const call = new OsError('device-gone', 'no answer', 5, 'pread')
    expect(explainLoss(call, config({ state: 3 }))).toMatchObject({ code: 'device-asleep', errno: 5, syscall: 'pread' })
    const stopped = new RegisterProgramError('device-gone', 'step 2', {
      step: 2,
      values: BigUint64Array.of(7n),
      last: 1n,
    })
    expect(explainLoss(stopped, config({ command: 0 }))).toMatchObject({
      code: 'decoding-off',
      step: 2,
      values: BigUint64Array.of(7n),
      last: 1n,
    })
  })
})
