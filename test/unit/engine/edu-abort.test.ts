import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import { EduEngine } from '../../../src/engine/edu/engine.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { loadNative } from '../../../src/native/load.ts'

describe('an abort of edu', () => {
  it('leaves nothing that begins later, also where the transfer was about to begin', async () => {
    using frames = new FrameStore({ native: loadNative().memory, frames: 8, random: seededRandom(1n) })
    using device = openLoopback('loopback:edu', { clock: new VirtualClock(), random: () => 7 })
    using engine = new EduEngine({ device, frames, addressBits: 28, maxTransfer: 4095, bufferOffset: 0x4_0000 })
    const indices = frames.allocate({ count: 1 })
    using mapping = device.dma.map({ memory: frames, indices }, 'write', { kind: 'scatter', addressBits: 28 })
    const ended = engine.write(mapping.segments.slice(0, 64), new Uint8Array(64)).then(
      () => 'done',
      (error: unknown) => codeOf(error),
    )
    await engine.abort()
    expect(await ended).toBe('cancelled')
    expect(engine.idle()).toBe(true)
    mapping.unmap()
    frames.free(indices)
  })
})
