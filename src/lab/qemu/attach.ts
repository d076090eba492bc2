import { ProbarError } from '../../base/errors.ts'
import type { AttachedDevice, NamedPresentation } from '../presentation.ts'

/** The first bus has 32 slots, some of them taken by the bench itself. */
export const MAX_ROOT_PORTS = 16

/**
 * Gives every device its place: the first behind the root port whose bus is 01, the next behind 02 and so on, first
 * those that profiles describe, then those passed through that name no bus of their own.
 * @param out the output folder on the host, for devices that leave files there
 * @throws ProbarError usage when there are more than 16
 */
export function attach(
  named: readonly NamedPresentation[],
  passedThrough: readonly string[],
  out: string,
): AttachedDevice[] {
  let bus = 0
  const nextBus = (): number => (bus += 1)
  const attached = [
    ...named.map((device, index) => attachNamed(device, `lab${index + 1}`, nextBus(), out)),
    ...passedThrough.map((argument, index) => attachPassedThrough(argument, `extra${index + 1}`, nextBus)),
  ]
  if (bus > MAX_ROOT_PORTS) {
    throw new ProbarError('usage', `the bench has ${MAX_ROOT_PORTS} root ports, ${bus} devices were asked for`)
  }
  return attached
}

/**
 * Addresses of the devices that are not left to their own drivers.
 * @param leave names or addresses of those that are
 * @throws ProbarError usage for one that there is not
 */
export function boundDevices(devices: readonly AttachedDevice[], leave: readonly string[]): string[] {
  const isCalled = (text: string, { name, address }: AttachedDevice): boolean => text === name || text === address
  const unknown = leave.find((text) => !devices.some((device) => isCalled(text, device)))
  if (unknown !== undefined) {
    const there = devices.map(({ name, address = 'no address' }) => `${name} (${address})`).join(', ')
    throw new ProbarError('usage', `--leave ${unknown}: the bench has no such device; there is: ${there || 'none'}`)
  }
  return devices
    .filter((device) => !leave.some((text) => isCalled(text, device)))
    .flatMap(({ address }) => address ?? [])
}

function attachNamed({ name, presentation }: NamedPresentation, id: string, bus: number, out: string): AttachedDevice {
  const withId = (text: string): string => text.replaceAll('{id}', id)
  const complete = (text: string): string => withId(text).replaceAll('{out}', () => quote(out))
  const properties = Object.entries(presentation.properties ?? {}).map(
    ([key, value]) => `${key}=${quote(withId(propertyText(value)))}`,
  )
  return {
    name,
    id,
    ...placeOn(bus),
    argument: [presentation.device, `bus=port${bus}`, `id=${id}`, ...properties].join(','),
    further: (presentation.arguments ?? []).map(([flag, value]) => [flag, complete(value)] as const),
  }
}

function attachPassedThrough(argument: string, defaultId: string, nextBus: () => number): AttachedDevice {
  const name = argument.split(',', 1)[0] ?? ''
  if (name === '' || name.includes('=')) {
    throw new ProbarError('usage', `--qemu-device ${argument}: QEMU expects MODEL[,KEY=VALUE]…`)
  }
  const id = keyOf(argument, 'id') ?? defaultId
  const parts = keyOf(argument, 'id') === undefined ? [argument, `id=${id}`] : [argument]
  if (keyOf(argument, 'bus') !== undefined) {
    return { name, id, port: undefined, address: undefined, argument: parts.join(','), further: [] }
  }
  const bus = nextBus()
  return { name, id, ...placeOn(bus), argument: [...parts, `bus=port${bus}`].join(','), further: [] }
}

const placeOn = (bus: number): { readonly port: string; readonly address: string } => ({
  port: `port${bus}`,
  address: `0000:${bus.toString(16).padStart(2, '0')}:00.0`,
})

function propertyText(value: string | number | bigint | boolean): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)
}

/** The value of a key in QEMU's option syntax, where `,,` stands for a comma inside a value. */
function keyOf(argument: string, key: string): string | undefined {
  const options = argument.replaceAll(',,', '\0').split(',').slice(1)
  const option = options.find((text) => text.startsWith(`${key}=`))
  return option?.slice(key.length + 1).replaceAll('\0', ',')
}

/** Doubles the commas, which end a value in QEMU's option syntax. */
export const quote = (value: string): string => value.replaceAll(',', ',,')
