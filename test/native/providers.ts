import { describe, it } from '@jest/globals'
import { loadNative, type Native } from '../../src/native/load.ts'

/** With these set, a missing addon is a failure; elsewhere what needs it is skipped and says why. */
const addonRequired = process.env['CI'] !== undefined || process.env['PROBAR_REQUIRE_ADDON'] !== undefined

/** Where the addon was built. */
export const ADDON_PATH = new URL('../../build/Release/probar.node', import.meta.url).pathname

/** Describes what only the addon can do. */
export function describeAddon(name: string, body: (native: Required<Omit<Native, 'addonProblem'>>) => void): void {
  const { memory, locks, vfio, addonProblem } = loadNative()
  if (vfio !== undefined) {
    describe(`${name} (addon)`, () => body({ memory, locks, vfio }))
  } else if (addonRequired) {
    it(`${name} (addon)`, () => {
      throw new Error(`the addon is required here: ${addonProblem}`)
    })
  } else {
    it.skip(`${name} (addon; skipped: ${addonProblem})`, () => undefined)
  }
}

/** The code of whatever `action` throws, or what it returned. */
export function codeThrownBy(action: () => unknown): unknown {
  try {
    return { returned: action() }
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
