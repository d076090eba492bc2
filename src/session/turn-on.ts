import { constants } from 'node:os'
import type { Disposal } from '../base/disposal.ts'
import { OsError } from '../base/errors.ts'
import type { Device } from '../device/contract.ts'
import { Command, ConfigOffset } from '../pci/config.ts'

/**
 * Resets the device, so that nothing of its last user is left in it, and turns memory decoding and bus mastering on.
 * Undone, the command register is as before, bus mastering is off, and the device is reset once more: who comes next
 * finds nothing of ours. A device without any reset is used as it is.
 * @param resets the device can be reset, and its profile does not advise against it
 */
export function turnOn(device: Device, resets: boolean, undo: Disposal): void {
  const { config } = device
  const before = config.read16(ConfigOffset.command) & ~Command.busMaster
  // A device that is asked for is closed at once: the kernel resets it by itself then, as far as it can.
  undo.defer(() => {
    if (resets && !device.notices.gone.aborted) resetUnlessWanted(device)
  })
  undo.defer(() => config.write16(ConfigOffset.command, before))
  if (resets) device.reset()
  config.write16(ConfigOffset.command, before | Command.memorySpace | Command.busMaster)
}

/** Who unbinds the device holds the kernel's lock on it before anybody is asked: that is such a device, too. */
function resetUnlessWanted(device: Device): void {
  try {
    device.reset()
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== constants.errno.EAGAIN) throw error
  }
}
