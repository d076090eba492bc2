import { hex } from '../../base/hex.ts'
import type { BridgeWindow } from '../../pci/bridge.ts'
import type { DecodedConfig } from '../../pci/decode.ts'
import type { Capability } from '../../pci/decode-capabilities.ts'
import { type DecodedField, type DecodedRegister, fieldOf } from '../../pci/register.ts'
import { wrap } from '../../report/text.ts'
import type { InspectedDevice } from '../../session/machine/inspect.ts'
import { idPair } from '../devices/ids.ts'
import { barText, romText } from './bars.ts'

const STEP = '    '

interface Line {
  readonly depth: 0 | 1 | 2
  readonly text: string
}

/** Much as lspci -vv shows it. @param columns lines are broken to; may be infinite */
export function asText(device: InspectedDevice, columns: number): string {
  const lines = [...heading(device), ...header(device), ...capabilities(device.config), ...closing(device)]
  return lines.flatMap(({ depth, text }) => broken(text, depth, columns)).join('')
}

const broken = (text: string, depth: number, columns: number): readonly string[] =>
  wrap(text, columns, { first: STEP.repeat(depth), rest: STEP.repeat(depth + 1) }).map((line) => `${line}\n`)

const line = (depth: Line['depth'], text: string): Line => ({ depth, text })

function heading({ name, ids, names, config, found }: InspectedDevice): readonly Line[] {
  const code = ids.classCode.toString(16).padStart(6, '0')
  const what = [names.vendor, names.device].filter((part) => part !== undefined).join(' ')
  const revision = ids.revision === 0 ? '' : ` (rev ${ids.revision.toString(16).padStart(2, '0')})`
  const title = `${name} ${names.class ?? 'Class'} [${code}]: ${what}${what && ' '}[${idPair(ids.vendor, ids.device)}]`
  const subsystem = names.subsystem === undefined ? '' : `${names.subsystem} `
  const has = ids.subsystemVendor !== 0 || ids.subsystem !== 0
  return [
    line(0, title + revision),
    ...(has ? [line(1, `Subsystem: ${subsystem}[${idPair(ids.subsystemVendor, ids.subsystem)}]`)] : []),
    ...(config.header === 'unknown' || config.header === 'cardbus' ? [line(1, `Header: ${config.header}`)] : []),
    ...(found?.numaNode === undefined ? [] : [line(1, `NUMA node: ${found.numaNode}`)]),
    ...(found?.iommuGroup === undefined ? [] : [line(1, `IOMMU group: ${groupText(found)}`)]),
  ]
}

function groupText({ iommuGroup, groupMembers }: NonNullable<InspectedDevice['found']>): string {
  return groupMembers.length === 0 ? String(iommuGroup) : `${iommuGroup}, with ${groupMembers.join(', ')}`
}

function header({ config, found }: InspectedDevice): readonly Line[] {
  const shown = config.registers.filter(({ name, value }) => ALWAYS.has(name) || (IF_SET.has(name) && value !== 0))
  const rest = config.bars.map(({ index, ...bar }) => line(1, `BAR ${index}: ${barText(bar)}`))
  return [
    ...shown.map((one) => line(1, registerText(one))),
    ...interrupt(config, found?.irq),
    ...rest,
    ...(config.rom === undefined ? [] : [line(1, `ROM: ${romText(config.rom)}`)]),
    ...config.windows.map((window) => line(1, windowText(window))),
  ]
}

/** A line register of 0 or 255 says that nobody routed it; the kernel knows better than the register. */
function interrupt({ registers }: DecodedConfig, irq: number | undefined): readonly Line[] {
  const pin = fieldOf(registers, 'InterruptPin', 'Pin')
  const register = Number(fieldOf(registers, 'InterruptLine', 'Line') ?? 0)
  if (pin === 'none' || pin === undefined) return []
  const routed = irq ?? (register === 0xff ? 0 : register)
  return [line(1, `Interrupt: pin ${pin}${routed === 0 ? '' : ` routed to IRQ ${routed}`}`)]
}

const ALWAYS: ReadonlySet<string> = new Set(['Control', 'Status', 'Bus', 'SecondaryStatus', 'BridgeCtl'])
const IF_SET: ReadonlySet<string> = new Set(['LatencyTimer', 'CacheLineSize', 'MinGnt', 'MaxLat', 'BIST'])

const WINDOWS = { io: 'I/O', memory: 'Memory', prefetchable: 'Prefetchable memory' } as const

function windowText({ kind, addressBits, range }: BridgeWindow): string {
  const place = range === undefined ? 'none' : `${hex(range.base)} to ${hex(range.limit)}`
  return `${WINDOWS[kind]} behind bridge: ${place}, ${addressBits}-bit`
}

function capabilities({ capabilities: all }: DecodedConfig): readonly Line[] {
  return all.flatMap((capability) => [line(1, titleOf(capability)), ...contents(capability)])
}

function titleOf({ offset, id, extended, version, name, registers, length }: Capability): string {
  const unread = registers.length === 0
  const facts = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(unread ? [`id ${hex(id, extended ? 4 : 2)}`] : []),
    ...(unread && length !== undefined ? [`${length} bytes`] : []),
  ]
  return `Capability ${hex(offset, 2)}: ${name}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`
}

function contents({ registers, bytes }: Capability): readonly Line[] {
  if (registers.length > 0) return registers.map((one) => line(2, registerText(one)))
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) =>
    line(2, [...bytes.subarray(row * 16, row * 16 + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')),
  )
}

/** `DevCtl: MaxPayload 256 bytes, CorrErr+ NonFatalErr-`; a register that is one value has no label in front of it. */
function registerText({ name, fields }: DecodedRegister): string {
  const [only, ...others] = fields
  if (only !== undefined && others.length === 0 && typeof only.value !== 'boolean') return `${name}: ${valueText(only)}`
  return `${name}: ${fields.map((field, index) => fieldText(field, fields[index + 1])).join('')}`
}

function fieldText(field: DecodedField, next: DecodedField | undefined): string {
  const { value } = field
  const isFlag = typeof value === 'boolean'
  const text = isFlag ? `${field.label}${value ? '+' : '-'}` : `${field.label} ${valueText(field)}`
  if (next === undefined) return text
  return isFlag && typeof next.value === 'boolean' ? `${text} ` : `${text}, `
}

const valueText = ({ value, unit }: DecodedField): string => (unit === undefined ? String(value) : `${value} ${unit}`)

function closing({ config, bytes, size, found, source }: InspectedDevice): readonly Line[] {
  const cut = size !== undefined && bytes.length < size
  const why = source === 'sysfs' ? '; the kernel gives more to root only' : ''
  return [
    ...(cut ? [line(1, `Config space: ${bytes.length} of ${size} bytes${why}`)] : []),
    ...(found === undefined ? [] : [line(1, `Driver: ${found.driver ?? 'none'}`)]),
    ...config.problems.map(({ kind, text }) => line(1, `Problem (${kind}): ${text}`)),
  ]
}
