import { describe, expect, it, jest } from '@jest/globals'
import { main as capturePin } from '../../examples/capture-pin.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { benchedDevices } from './devices.ts'

jest.setTimeout(120_000)

/** Devices of others, which move bytes of our choosing: fragment by fragment, and by lists. */
const CAPTURING = benchedDevices.filter(({ name }) => ['qemu-edu', 'qemu-nvme'].includes(name))

export function describeCapturePin(backend: PciBackend): void {
  describe(`examples/capture-pin.ts by ${backend}`, () => {
    it.each(CAPTURING)('$name fills every frame that is queued', async ({ address }) => {
      const lines: string[] = []
      expect(await capturePin(`${backend}:${address}`, (line) => void lines.push(line))).toBe(0)
      expect(lines.at(-1)).toBe('5 of 5 frames arrived whole, 0 were dropped')
    })
  })
}
