import { expect, it } from '@jest/globals'
import { ifPresent } from '../../../src/host/linux/gone.ts'

const failing = (code: string) => (): never => {
  throw Object.assign(new Error(code), { code })
}

it.each(['ENOENT', 'ENOTDIR', 'ENODEV'])('takes %s for absence, as of a function that is unplugged meanwhile', (code) =>
  expect(ifPresent(failing(code))).toBeUndefined(),
)

it.each(['EACCES', 'EIO'])('does not take %s for absence', (code) =>
  expect(() => ifPresent(failing(code))).toThrow(code),
)
