import { VirtualClock } from '../base/virtual-clock.ts'
import { openLoopback } from '../backend/loopback/device.ts'
import type { Device } from '../device/contract.ts'

/**
 * A modelled device just to look at it: nothing random happens to it, and its time stands still.
 * @throws ProbarError reference-unknown, usage
 */
export const openModel = (ref: string): Device => openLoopback(ref, { clock: new VirtualClock(), random: () => 0 })
