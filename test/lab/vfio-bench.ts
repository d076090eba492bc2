import { va } from '../../src/base/address.ts'
import { seededRandom } from '../../src/base/random.ts'
import { openVfio } from '../../src/backend/vfio/open.ts'
import { FrameStore } from '../../src/memory/frame-store.ts'
import { loadNative } from '../../src/native/load.ts'
import { vfioTarget } from '../../src/session/vfio-target.ts'
import type { Bench } from '../contract/bench.ts'

/** The bench's edu has 28 address bits, as its model does by default. */
const EDU_ADDRESS_BITS = 28

/** A function of the virtual bench, opened anew through the kernel's VFIO. */
export async function openVfioBench(address: string, addressBits = EDU_ADDRESS_BITS): Promise<Bench> {
  const { memory: native, vfio } = loadNative()
  if (vfio === undefined) throw new Error('the addon is not built, so there is no VFIO to test')
  const random = seededRandom(7n)
  const frames = new FrameStore({ native, frames: 64, random })
  const device = openVfio(vfioTarget(address), {
    native: { ...native, ...vfio },
    addressBits,
    random: () => random.below(2 ** 32),
    keepFree: [],
  })
  const reserved: number[] = []
  return {
    device,
    memory: frames,
    reserve(bytes) {
      const area = native.reserve(bytes)
      reserved.push(area)
      return va(native.address(area))
    },
    close() {
      device.close()
      for (const area of reserved) native.release(area)
      frames.close()
    },
  }
}
