import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nativeError } from './errors.ts'
import { koffiMemory } from './koffi.ts'
import { koffiFileLocks } from './koffi-file-locks.ts'
import type { Addon, FileLockSurface, IommufdSurface, MemorySurface, PhysicalSurface, VfioSurface } from './surface.ts'

export interface Native {
  readonly memory: MemorySurface
  readonly locks: FileLockSurface
  /** Absent without the addon. */
  readonly vfio?: VfioSurface & IommufdSurface & PhysicalSurface
  /** Why the addon is not in use, in words that a command can print. Absent when it is. */
  readonly addonProblem?: string
}

export interface LoadOptions {
  /** Behave as if the addon had not been built. */
  readonly hideAddon?: boolean
}

/** Two folders up from src/native and from dist/native alike. */
const ADDON = new URL('../../build/Release/probar.node', import.meta.url)

/**
 * The addon, or koffi over the C library where the addon cannot be loaded.
 * @throws ProbarError addon-missing when neither is there (Windows, or koffi has no binary for this platform)
 */
export function loadNative(options: LoadOptions = {}): Native {
  if (options.hideAddon === true) return withoutAddon('the addon is hidden on request')
  const path = fileURLToPath(ADDON)
  if (!existsSync(path)) return withoutAddon(`${path} is not there: build it with \`node native/install.mjs\``)
  let addon: Addon
  try {
    addon = createRequire(import.meta.url)(path) as Addon
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return withoutAddon(`${path} cannot be loaded (${reason}): rebuild it with \`node native/install.mjs\``)
  }
  addon.setErrorFactory(nativeError)
  return { memory: addon, locks: addon, vfio: addon }
}

const withoutAddon = (addonProblem: string): Native => ({
  memory: koffiMemory(addonProblem),
  locks: koffiFileLocks(addonProblem),
  addonProblem,
})
