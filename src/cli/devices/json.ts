import { hex } from '../../base/hex.ts'
import type { ListedDevice } from '../../session/machine/list-devices.ts'

/** All that is known of a device; ids and addresses are lowercase `0x` strings, sizes are bytes. */
export function asJson(listed: ListedDevice): object {
  const { ref, names, driver, group, groupMembers, numaNode, profiles, problem } = listed
  return {
    ref,
    vendor: hex(listed.vendor, 4),
    device: hex(listed.device, 4),
    subsystemVendor: hex(listed.subsystemVendor, 4),
    subsystem: hex(listed.subsystem, 4),
    revision: hex(listed.revision, 2),
    class: hex(listed.classCode, 6),
    names,
    driver,
    group,
    groupMembers,
    numaNode,
    bars: listed.bars.map(({ index, kind, start, size, addressBits, prefetchable }) => {
      return { index, kind, start: hex(start), size, addressBits, prefetchable }
    }),
    profiles,
    ready: problem === undefined,
    problem,
  }
}
