import { fakeKernel } from '../../unit/host/taking/fake-kernel.ts'

/** Takes a few milliseconds for each write, as drivers do, so that a kill finds it in the middle of things. */
export function slowKernel(bus: string): (path: string, text: string) => void {
  const kernel = fakeKernel(bus)
  const asleep = new Int32Array(new SharedArrayBuffer(4))
  return (path, text) => {
    Atomics.wait(asleep, 0, 0, 2)
    kernel(path, text)
    Atomics.wait(asleep, 0, 0, 2)
  }
}
