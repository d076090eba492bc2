import { DescriptorFlag } from '../model/sg/descriptor.ts'
import { CHANNELS, TAP_SIZE } from '../model/sg/registers.ts'
import { type FetchDescriptor, fetchDescriptor } from '../model/sg/ring.ts'
import type { Defects } from './defects.ts'

/** Offsets in a descriptor. */
const FLAGS = 12
const DEVICE_ADDRESS = 16
/** Descriptors that a ring has for a device that knows no more of it. */
const FEW = 8

/** How the device reads its descriptors, with what is planted into that. The upper half of its channels has the streams. */
export function plantedFetch(defects: Defects): FetchDescriptor {
  return (port, place) => {
    const streams = place.channel >= CHANNELS / 2
    const fetched = fetchDescriptor(port, { ...place, index: indexOf(place.index, streams, defects) })
    const view = new DataView(fetched.bytes.buffer)
    if (!streams && defects.has('list-swaps-addresses') && (place.index ^ 1) < place.size) {
      fetched.bytes.set(fetchDescriptor(port, { ...place, index: place.index ^ 1 }).bytes.subarray(0, 8))
    }
    if (place.channel === 1 && defects.has('channels-share-memory')) {
      view.setBigUint64(DEVICE_ADDRESS, view.getBigUint64(DEVICE_ADDRESS, true) - BigInt(TAP_SIZE), true)
    }
    if (streams && defects.has('notification-everywhere')) {
      view.setUint32(FLAGS, view.getUint32(FLAGS, true) | DescriptorFlag.notify, true)
    }
    if (streams && defects.has('stream-shifts-by-one')) view.setBigUint64(0, view.getBigUint64(0, true) + 1n, true)
    return fetched
  }
}

function indexOf(index: number, streams: boolean, defects: Defects): number {
  if (streams) return defects.has('stream-stays-in-first-segment') ? 0 : index
  if (defects.has('list-skips-descriptor')) return index - (index % 2)
  return defects.has('list-ring-too-short') ? index % FEW : index
}
