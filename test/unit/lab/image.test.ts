import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ProbarError } from '../../../src/base/errors.ts'
import { payloadOf } from '../../../src/lab/kernel/image.ts'

const GZIP = [0x1f, 0x8b]

interface ImageShape {
  readonly setupSectors: number
  readonly gap: number
  readonly payload: Uint8Array
  readonly rest: number
}

/** A bzImage as the boot protocol describes it. */
function bzImage({ setupSectors, gap, payload, rest }: ImageShape): Buffer {
  const start = ((setupSectors === 0 ? 4 : setupSectors) + 1) * 512 + gap
  const image = Buffer.alloc(start + payload.length + rest, 0xcc)
  image[0x1f1] = setupSectors
  image.write('HdrS', 0x202, 'latin1')
  image.writeUInt16LE(0x20f, 0x206)
  image.writeUInt32LE(gap, 0x248)
  image.writeUInt32LE(payload.length, 0x24c)
  image.set(payload, start)
  return image
}

const shapes = fc.record({
  setupSectors: fc.integer({ min: 0, max: 64 }),
  gap: fc.integer({ min: 0, max: 4096 }),
  payload: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Uint8Array.from([...GZIP, ...bytes])),
  rest: fc.integer({ min: 0, max: 100 }),
})
const code = (image: Uint8Array): unknown => {
  try {
    return payloadOf(image)
  } catch (error) {
    return error instanceof ProbarError ? error.code : error
  }
}

describe('the kernel inside a bzImage', () => {
  it('is found wherever the header says', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { compression, bytes } = payloadOf(bzImage(shape))
        expect(compression).toBe('gzip')
        expect(Buffer.from(bytes)).toEqual(Buffer.from(shape.payload))
      }),
    )
  })

  it('is not taken from an image that ends too early', () => {
    fc.assert(
      fc.property(shapes, fc.nat(), (shape, cut) => {
        const whole = bzImage({ ...shape, rest: 0 })
        expect(code(whole.subarray(0, cut % whole.length))).toBe('lab-boot-failed')
      }),
    )
  })

  it('is refused in any other file by a code, never by a crash', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => code(bytes) === 'lab-boot-failed'))
  })

  it.each([
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
    ['lz4', [0x02, 0x21, 0x4c, 0x18]],
    ['none', [0x7f, 0x45, 0x4c, 0x46]],
  ])('shows how it is compressed: %s', (compression, magic) => {
    const image = bzImage({ setupSectors: 1, gap: 0, payload: Uint8Array.from([...magic, 1, 2]), rest: 0 })
    expect(payloadOf(image).compression).toBe(compression)
  })

  it('is refused when its compression is unknown', () => {
    expect(code(bzImage({ setupSectors: 1, gap: 0, payload: Uint8Array.of(1, 2, 3, 4, 5, 6), rest: 0 }))).toBe(
      'lab-boot-failed',
    )
  })
})
