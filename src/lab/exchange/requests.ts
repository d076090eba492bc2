import { join } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
import type { ChannelRequest } from './channel.ts'
import type { AttachedDevice } from '../presentation.ts'
import type { Qmp } from '../qemu/qmp.ts'

/**
 * Does by QMP what COMMAND asked on its channel.
 * `unplug` asks the guest's kernel to let the device go, as a pressed button would; the answer says that the
 * request was made, not that the device is gone: one that is in use stays until its user lets go.
 * @param out folder for screendumps
 * @throws ProbarError lab-refused
 */
export async function performRequest(
  request: ChannelRequest,
  monitor: Qmp,
  devices: readonly AttachedDevice[],
  out: string,
): Promise<unknown> {
  switch (request.do) {
    case 'unplug':
      return monitor.execute('device_del', { id: idAt(request.device, devices) })
    case 'screendump':
      return monitor.execute('screendump', {
        filename: join(out, request.name),
        ...(request.device === undefined ? {} : { device: idAt(request.device, devices) }),
      })
    case 'qmp':
      return monitor.execute(request.execute, request.arguments)
  }
}

/** QEMU's id of the device at a PCI address of the guest. */
function idAt(address: string, devices: readonly AttachedDevice[]): string {
  const device = devices.find((candidate) => candidate.address === address)
  if (device !== undefined) return device.id
  const known = devices.flatMap((candidate) => candidate.address ?? [])
  throw new ProbarError('lab-refused', `no device of the bench at ${address}; there are: ${known.join(', ') || 'none'}`)
}
