import { OsError, ProbarError, codeOf, type ErrorCode } from '../../../base/errors.ts'
import { hex } from '../../../base/hex.ts'
import type { ConfigSpace } from '../../../device/contract.ts'
import { RegisterProgramError } from '../../../device/register-program/outcome.ts'
import { walkCapabilities } from '../../../pci/chain/conventional.ts'
import { Command, ConfigOffset } from '../../../pci/config.ts'

interface Loss {
  readonly code: ErrorCode
  readonly text: string
}

const POWER_MANAGEMENT = 0x01
/** The control and status register behind the capability's start, and its power state (PCIe 7.5.2.2). */
const PMCSR = 4
const POWER_STATE = 0x3
/** What every PCI function has of config space. */
const CONVENTIONAL = 256

/**
 * The kernel has one answer for a device that is asleep, one whose decoding is off and one that is gone; config space,
 * which the device answers in D3hot too, tells them apart. Any other error is returned as it is.
 */
export function explainLoss(error: unknown, config: ConfigSpace): unknown {
  if (!(error instanceof ProbarError) || codeOf(error) !== 'device-gone') return error
  const loss = findLoss(config)
  if (loss === undefined) return error
  const message = `${error.message}: ${loss.text}`
  if (error instanceof RegisterProgramError) {
    const { step, values, last } = error
    return new RegisterProgramError(loss.code, message, { step, values, last, cause: error })
  }
  if (error instanceof OsError) return new OsError(loss.code, message, error.errno, error.syscall, { cause: error })
  return new ProbarError(loss.code, message, { cause: error })
}

function findLoss(config: ConfigSpace): Loss | undefined {
  try {
    if (config.read16(ConfigOffset.vendor) === 0xffff) {
      return {
        code: 'device-gone',
        text: 'config space reads as all ones too: it fell off the bus, so look at the slot',
      }
    }
    return asleep(config) ?? notDecoding(config)
  } catch {
    // Without config space the first error is all that is known; it is the one that is thrown.
    return undefined
  }
}

function asleep(config: ConfigSpace): Loss | undefined {
  const words = Uint32Array.from({ length: CONVENTIONAL / 4 }, (_, index) => config.read32(4 * index))
  const capability = walkCapabilities(new Uint8Array(words.buffer)).links.find(({ id }) => id === POWER_MANAGEMENT)
  if (capability === undefined) return undefined
  const register = capability.offset + PMCSR
  const state = config.read16(register) & POWER_STATE
  if (state === 0) return undefined
  const text = `it is in power state D${state}: write 0 to bits 1:0 of config offset ${hex(register)}, wait 10 ms, try again`
  return { code: 'device-asleep', text }
}

function notDecoding(config: ConfigSpace): Loss | undefined {
  if ((config.read16(ConfigOffset.command) & Command.memorySpace) !== 0) return undefined
  return {
    code: 'decoding-off',
    text: 'its memory decoding is off: set bit 1 of the command register, config offset 4',
  }
}
