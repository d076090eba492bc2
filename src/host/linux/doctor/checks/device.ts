import { culpritText, culpritsOf } from '../../group-culprits.ts'
import type { DeviceFacts } from '../device-facts.ts'
import { EVERY_WAY, type Finding, type Mend, WITH_IOMMU, asRoot } from '../finding.ts'
import type { User } from '../machine-facts.ts'
import { nodeFindings } from './node.ts'
import { powerFinding, resetFinding, screenFinding } from './function.ts'

/**
 * Every line of one function: what it is, who uses it, how it is reached.
 * @param waits for a run that waits for another one to let the device go
 */
export function deviceFindings(facts: DeviceFacts, user: User, waits = false): readonly Finding[] {
  return [
    useFinding(facts),
    kindFinding(facts),
    groupFinding(facts),
    viabilityFinding(facts, user),
    driverFinding(facts, user),
    holderFinding(facts, waits),
    ...nodeFindings(facts, user),
    resetFinding(facts),
    powerFinding(facts),
    screenFinding(facts),
  ].filter((finding) => finding !== undefined)
}

function useFinding({ uses }: DeviceFacts): Finding {
  const [first] = uses
  return {
    check: 'machine-use',
    title: 'Machine',
    state: first === undefined ? 'ok' : 'bad',
    found:
      first === undefined ? 'nothing that the machine needs is on it' : uses.map(({ use }) => `it ${use}`).join('; '),
    why: 'A device that the machine lives on takes it with it; it is refused, whatever the flags.',
    mend: [],
    ways: EVERY_WAY,
    ...(first === undefined ? {} : { short: `in use: ${first.label}` }),
  }
}

function kindFinding({ isBridge, answers, fn }: DeviceFacts): Finding {
  const silent = answers === false
  return {
    check: 'function',
    title: 'Function',
    state: isBridge || silent ? 'bad' : 'ok',
    found: silent
      ? 'answers with all ones: it fell off the bus'
      : isBridge
        ? 'a bridge, which VFIO does not hand out'
        : 'an end point',
    why: 'VFIO hands out end points that answer.',
    mend: silent ? asRoot(`echo 1 > ${path(fn.address)}/remove`, 'echo 1 > /sys/bus/pci/rescan') : [],
    ways: EVERY_WAY,
    short: silent ? 'does not answer' : 'a bridge',
  }
}

function groupFinding({ fn, noIommu }: DeviceFacts): Finding {
  const none = fn.iommuGroup === undefined || noIommu
  const alone = fn.groupMembers.length === 0 ? 'alone in it' : `with ${fn.groupMembers.join(', ')}`
  return {
    check: 'group',
    title: 'IOMMU group',
    state: none ? 'bad' : 'ok',
    found: none ? 'in none' : `${fn.iommuGroup}, ${alone}`,
    why: 'The IOMMU tells a group from the rest, so a group is given away as a whole.',
    mend: [],
    ways: WITH_IOMMU,
    short: 'no IOMMU group',
  }
}

function viabilityFinding(facts: DeviceFacts, user: User): Finding | undefined {
  if (facts.members.length === 0) return undefined
  const culprits = culpritsOf(facts.members)
  const named = culpritText(culprits)
  const bridges = facts.members.filter(({ isBridge }) => isBridge).map(({ address }) => address)
  const kept = bridges.length === 0 ? '' : ` (${bridges.join(', ')} is a bridge, and may keep its driver)`
  const taken = user.root && mayBeTaken(facts)
  const found = taken ? `a run takes the others too, and gives them back: ${named}` : `no: ${named}`
  return {
    check: 'group-viable',
    title: 'Group viable',
    state: culprits.length === 0 ? 'ok' : taken ? 'warn' : 'bad',
    found: (culprits.length === 0 ? 'no other driver has a member of it' : found) + kept,
    why: 'As long as another driver has a member, the kernel gives none of the group away.',
    mend: culprits.length > 0 && !taken ? bindCommands(facts) : [],
    ways: WITH_IOMMU,
    short: `group not viable: ${named}`,
  }
}

/** A run of root's takes the device from its driver by itself. */
function driverFinding(facts: DeviceFacts, user: User): Finding {
  const { driver } = facts.fn
  const bound = driver === 'vfio-pci'
  const taken = user.root && mayBeTaken(facts)
  const from =
    driver === undefined ? 'takes it for vfio-pci, and lets it go at the end' : 'takes it from that, and gives it back'
  return {
    check: 'driver',
    title: 'Driver',
    state: bound || taken ? 'ok' : 'bad',
    found: `${driver ?? 'none'}${!bound && taken ? `; a run ${from}` : ''}`,
    why: 'vfio-pci does nothing with a device but hand it to a program; only root may change drivers.',
    mend: bound || taken ? [] : bindCommands(facts),
    ways: EVERY_WAY,
    short: driver === undefined ? 'no driver' : `bound to ${driver}`,
  }
}

/** A process may have the device open while its driver is vfio-pci: another run, or a virtual machine. */
function holderFinding({ holders, leasedBy, sawAllProcesses, fn }: DeviceFacts, waits: boolean): Finding | undefined {
  if (fn.driver !== 'vfio-pci') return undefined
  const processes = holders.map(({ pid, command }) => `${command} (process ${pid})`).join(', ')
  const named = leasedBy ?? processes
  const free = sawAllProcesses ? 'no process' : "none of this user's processes; others are not seen"
  return {
    check: 'holder',
    title: 'Held by',
    state: named !== '' ? (waits && leasedBy !== undefined ? 'warn' : 'bad') : sawAllProcesses ? 'ok' : 'unknown',
    found: named === '' ? free : named,
    why: 'One program at a time can have a device. End it, or let a run wait by --wait.',
    mend: [],
    ways: EVERY_WAY,
    short: `held by ${named}`,
  }
}

/** What the machine lives on, and a bridge, stays with its driver: no command is offered that would take it. */
const mayBeTaken = ({ uses, isBridge }: DeviceFacts): boolean => uses.length === 0 && !isBridge

const path = (address: string): string => `/sys/bus/pci/devices/${address}`

/** Takes the whole group. */
const bindCommands = (facts: DeviceFacts): readonly Mend[] =>
  mayBeTaken(facts) ? asRoot(`npx probar bind ${facts.fn.address}`) : []
