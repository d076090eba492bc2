import { describe, expect, it } from '@jest/globals'
import type { Capability } from '../../../../src/pci/decode-capabilities.ts'
import { type DecodedConfig, decodeConfig } from '../../../../src/pci/decode.ts'
import { parseDump } from '../../../../src/pci/dump.ts'
import { type DecodedRegister, fieldOf } from '../../../../src/pci/register.ts'
import { silentBits } from './silent-bits.ts'
import { type LspciCapability, dumpNames, dumpText, flagsIn, lspciCapabilities, lspciLine } from './text.ts'

function decodeDump(text: string): DecodedConfig {
  const [only] = parseDump(text)
  if (only === undefined) throw new Error('no function in the dump')
  return decodeConfig(only.bytes)
}

/** Where lspci's words for a register of ours stand: behind another name, or in the capability's heading (`''`). */
const REGISTERS: Readonly<Record<string, string>> = { PMC: 'Flags', PMCSR: 'Status', MsgCtl: '', ExpCap: '' }
/** Flags that lspci names differently. */
const FLAGS: Readonly<Record<string, string>> = {
  PowerOff: 'Power',
  AtomicRouting: 'Routing',
  Atomic32bit: '32bit',
  Atomic64bit: '64bit',
  Atomic128bitCAS: '128bitCAS',
  AtomicReqEn: 'ReqEn',
  AtomicEgressBlck: 'EgressBlck',
  LinkStateChanged: 'LinkState',
}
/** lspci shows these only where another bit is set, so not in both of two opposites. */
const CONDITIONAL: ReadonlySet<string> = new Set(['DevCtl FLReset', 'LnkSta2 DRS', 'ExpCap Slot'])
/** Flags that lspci 3.9 has no word for; silent-bits.test.ts looks at them. */
const SILENT: ReadonlySet<string> = new Set(silentBits.map(([, register, label]) => `${register} ${label}`))

interface Compared {
  readonly flag: string
  readonly ours: boolean
  readonly theirs: boolean | undefined
}

const saidOf = ({ heading, registers }: LspciCapability, name: string): string =>
  REGISTERS[name] === '' ? heading : (registers.get(REGISTERS[name] ?? name) ?? '')

/** lspci has two groups in these lines, in which the same words stand for other bits. */
function theirFlag(said: string, name: string, label: string): boolean | undefined {
  // lspci has it as a remark behind speed and width.
  if (label === 'Downgraded') return said.includes('(downgraded)')
  const [first = '', second = ''] = said.split(name === 'PMC' ? 'PME(' : 'Changed:')
  const inSecond = name === 'PMC' ? /^PME\((.*)\)$/.exec(label) : /^(\w+?)Changed$/.exec(label)
  if (inSecond !== null) return flagsIn(second.replace('PME(', '')).get(FLAGS[label] ?? inSecond[1] ?? '')
  return flagsIn(first).get(FLAGS[label] ?? label)
}

function compareFlags({ registers }: Capability, lspci: LspciCapability): readonly Compared[] {
  return registers.flatMap(({ name, fields }) =>
    fields.flatMap(({ label, value }): Compared[] => {
      if (typeof value !== 'boolean' || SILENT.has(`${name} ${label}`)) return []
      return [{ flag: `${name} ${label}`, ours: value, theirs: theirFlag(saidOf(lspci, name), name, label) }]
    }),
  )
}

describe.each(dumpNames)('the dump %s', (name) => {
  const text = dumpText(name)
  const config = decodeDump(text)
  const lspci = lspciCapabilities(text)

  it('has the capabilities that lspci found, at the same places and in the same order', () => {
    expect(config.capabilities.map(({ offset }) => offset)).toEqual([...lspci.keys()])
    expect(config.problems).toEqual([])
  })

  it('has the bits of the header that lspci shows', () => {
    const lines = { Control: 'Control', Status: 'Status', SecondaryStatus: 'Secondary status', BridgeCtl: 'BridgeCtl' }
    for (const [register, name] of Object.entries(lines)) {
      const said = lspciLine(text, name) ?? ''
      const theirs = flagsIn(said)
      expect(theirs.size).toBeGreaterThanOrEqual(
        config.header === 'bridge' || name.length === 7 || name === 'Status' ? 8 : 0,
      )
      for (const [label, value] of theirs) {
        expect([label, fieldOf(config.registers, register, label)]).toEqual([label, value])
      }
      const devsel = /DEVSEL=(\w+)/.exec(said)?.[1]
      if (devsel !== undefined) expect(fieldOf(config.registers, register, 'DEVSEL')).toBe(devsel)
    }
  })

  it('has the numbers of the header that lspci shows', () => {
    const shown: readonly (readonly [register: string, label: string, pattern: RegExp])[] = [
      ['LatencyTimer', 'Clocks', /\tLatency: (\d+)/],
      ['CacheLineSize', 'Size', /Cache Line Size: (\d+) bytes/],
      ['InterruptPin', 'Pin', /Interrupt: pin (\w)/],
      ['Bus', 'Primary', /primary=(\w+)/],
      ['Bus', 'Secondary', /secondary=(\w+)/],
      ['Bus', 'Subordinate', /subordinate=(\w+)/],
      ['Bus', 'Latency', /sec-latency=(\d+)/],
    ]
    for (const [register, label, pattern] of shown) {
      const said = pattern.exec(text)?.[1]
      if (said === undefined) continue
      // lspci writes bus numbers in hexadecimal.
      const value = register === 'Bus' && label !== 'Latency' ? String(Number.parseInt(said, 16)) : said
      expect([label, String(fieldOf(config.registers, register, label))]).toEqual([label, value])
    }
  })

  it('has every flag of every capability as lspci has it', () => {
    for (const capability of config.capabilities) {
      for (const { flag, ours, theirs } of compareFlags(capability, lspci.get(capability.offset) ?? EMPTY)) {
        if (theirs !== undefined) expect([flag, ours]).toEqual([flag, theirs])
      }
    }
  })
})

describe('the comparison with lspci', () => {
  const all = dumpNames.flatMap((name) => {
    const text = dumpText(name)
    const lspci = lspciCapabilities(text)
    return decodeDump(text).capabilities.flatMap((one) => compareFlags(one, lspci.get(one.offset) ?? EMPTY))
  })

  it('is of every flag, set in one dump and clear in another', () => {
    const sides = new Map<string, Set<unknown>>()
    for (const { flag, theirs } of all) sides.set(flag, (sides.get(flag) ?? new Set()).add(theirs))
    const oneSided = [...sides].filter(([, values]) => !values.has(true) || !values.has(false)).map(([flag]) => flag)
    expect(oneSided.filter((flag) => !CONDITIONAL.has(flag))).toEqual([])
    expect(sides.size).toBeGreaterThan(200)
  })
})

const EMPTY: LspciCapability = { heading: '', registers: new Map() }

describe('values, as lspci words them', () => {
  const field = (config: DecodedConfig, id: number, register: string, label: string): unknown =>
    config.capabilities.flatMap((one) => (one.id === id ? [fieldOf(one.registers, register, label)] : [])).at(0)

  /** lspci's pattern for a value of ours, in the capability of this id and the line of this register. */
  const worded: readonly (readonly [id: number, register: string, label: string, pattern: RegExp])[] = [
    [0x01, 'PMC', 'AuxCurrent', /AuxCurrent=(\d+)mA/],
    [0x01, 'PMCSR', 'DSel', /DSel=(\d+)/],
    [0x01, 'PMCSR', 'DScale', /DScale=(\d+)/],
    [0x10, 'DevCap', 'MaxPayload', /MaxPayload (\d+) bytes/],
    [0x10, 'DevCap', 'PhantFunc', /PhantFunc (\d+)/],
    [0x10, 'DevCap', 'Latency L0s', /Latency L0s ([^,]+)/],
    [0x10, 'DevCtl', 'MaxPayload', /MaxPayload (\d+) bytes/],
    [0x10, 'DevCtl', 'MaxReadReq', /MaxReadReq (\d+) bytes/],
    [0x10, 'LnkCap', 'Port', /Port #(\d+)/],
    [0x10, 'LnkCap', 'Width', /Width (x\d+)/],
    [0x10, 'LnkCap', 'ASPM', /ASPM ([^,]+?)(?:,|\s+ClockPM)/],
    [0x10, 'LnkCtl', 'ASPM', /ASPM ([^;]+);/],
    [0x10, 'LnkCtl', 'RCB', /RCB (\d+) bytes/],
    [0x10, 'LnkSta', 'Width', /Width (x\d+)/],
    [0x10, 'SltCap', 'SlotNumber', /Slot #(\d+)/],
    [0x10, 'SltCap', 'PowerLimit', /PowerLimit ([\d.]+)W/],
    [0x10, 'SltCtl', 'AttnInd', /AttnInd (\w+)/],
    [0x10, 'SltCtl', 'PwrInd', /PwrInd (\w+)/],
    [0x05, 'MsgCtl', 'Enabled', /Count=(\d+)\//],
    [0x05, 'MsgCtl', 'Count', /Count=\d+\/(\d+)/],
    [0x10, 'ExpCap', 'Type', /\(v\d\) (.*?)(?: \(|,)/],
    [0x10, 'DevCap', 'L1', /L1 (\S+)/],
    [0x10, 'DevCap', 'SlotPowerLimit', /SlotPowerLimit ([\d.]+)W/],
    [0x10, 'LnkCap', 'Speed', /Speed ([\d.]+GT\/s)/],
    [0x10, 'LnkCap', 'Exit Latency L0s', /Exit Latency L0s (<\w+)/],
    [0x10, 'LnkSta', 'Speed', /Speed ([\d.]+GT\/s)/],
    [0x10, 'DevCap2', 'Completion Timeout', /Completion Timeout: (Not Supported|Range \w+)/],
    [0x10, 'DevCap2', 'OBFF', /OBFF ([^,]+)/],
    [0x10, 'DevCtl2', 'Completion Timeout', /Completion Timeout: (\d[^,]+)/],
    [0x10, 'DevCtl2', 'OBFF', /OBFF ([^,]+)/],
    [0x10, 'LnkCap2', 'Supported Link Speeds', /Link Speeds: ([\d.-]+GT\/s)/],
    [0x10, 'LnkCtl2', 'Target Link Speed', /Target Link Speed: ([\d.]+GT\/s)/],
    [0x10, 'LnkSta2', 'Current De-emphasis Level', /Level: ([^,]+)/],
    [0x10, 'DevCap2', 'MaxEETLPPrefixes', /MaxEETLPPrefixes (\d)/],
    [0x10, 'LnkSta2', 'CrosslinkRes', /CrosslinkRes: (\w+ ?\w+)/],
  ]

  it.each(worded)('capability %s has %s %s as in %s', (id, register, label, pattern) => {
    const pairs = dumpNames.flatMap((name) => {
      const text = dumpText(name)
      const lspci = lspciCapabilities(text)
      const config = decodeDump(text)
      const offset = config.capabilities.find((one) => one.id === id && !one.extended)?.offset ?? -1
      const said = pattern.exec(saidOf(lspci.get(offset) ?? EMPTY, register))?.[1]
      return said === undefined ? [] : [[name, String(field(config, id, register, label)), said]]
    })
    expect(pairs.length).toBeGreaterThan(0)
    for (const [name, ours, theirs] of pairs) expect([name, ours]).toEqual([name, theirs?.trim()])
  })

  /** The same of extended capabilities, in whose lines lspci writes hexadecimal without `0x`. */
  const extended: readonly (readonly [id: number, register: string, label: string, pattern: RegExp])[] = [
    [0x01, 'AERCap', 'First Error Pointer', /First Error Pointer: (\w+)/],
    [0x01, 'HeaderLog0', 'Dword', /HeaderLog: (\w+)/],
    [0x01, 'HeaderLog3', 'Dword', /HeaderLog: \w+ \w+ \w+ (\w+)/],
    [0x01, 'ErrorSrc', 'ERR_COR', /ERR_COR: (\w+)/],
    [0x01, 'ErrorSrc', 'ERR_FATAL/NONFATAL', /NONFATAL: (\w+)/],
    [0x1b, 'PASIDCap', 'Max PASID Width', /Max PASID Width: (\w+)/],
    [0x10, 'IOVCap', 'IntMsg', /Interrupt Message Number: (\w+)/],
    [0x10, 'FunctionLink', 'Function', /Function Dependency Link: (\w+)/],
    [0x10, 'VFMigration', 'Offset', /VF Migration: offset: (\w+)/],
    [0x10, 'VFMigration', 'BAR', /VF Migration: .*BIR: (\w+)/],
  ]

  it.each(extended)('extended capability %s has %s %s as in %s', (id, register, label, pattern) => {
    const pairs = dumpNames.flatMap((name) => {
      const text = dumpText(name)
      const said = pattern.exec(text)?.[1]
      const found = decodeDump(text).capabilities.find((one) => one.extended && one.id === id)
      return said === undefined
        ? []
        : [[name, Number(fieldOf(found?.registers ?? [], register, label)), Number(`0x${said}`)]]
    })
    expect(pairs.length).toBeGreaterThan(4)
    for (const [name, ours, theirs] of pairs) expect([name, ours]).toEqual([name, theirs])
  })

  it('has queue depth, translation unit and page sizes, which Probar shows as what they stand for', () => {
    for (const name of dumpNames.filter((one) => one.startsWith('made-'))) {
      const text = dumpText(name)
      const of = (id: number): readonly DecodedRegister[] =>
        decodeDump(text).capabilities.find((one) => one.extended && one.id === id)?.registers ?? []
      const said = (pattern: RegExp): number => Number(`0x${pattern.exec(text)?.[1]}`)
      expect(fieldOf(of(0x0f), 'ATSCap', 'Invalidate Queue Depth')).toBe(said(/Queue Depth: (\w+)/) || 32)
      expect(fieldOf(of(0x0f), 'ATSCtl', 'Smallest Translation Unit')).toBe(4096 * 2 ** said(/Translation Unit: (\w+)/))
      const sizes = fieldOf(of(0x10), 'SupPageSize', 'PageSizes')
      expect(BigInt(String(sizes))).toBe(BigInt(said(/Supported Page Size: (\w+)/)) * 4096n)
    }
  })

  it.each(dumpNames.filter((one) => dumpText(one).includes('Initial VFs')))(
    'has the numbers of SR-IOV in %s',
    (name) => {
      const text = dumpText(name)
      const config = decodeDump(text)
      const said = /Initial VFs: (\d+), Total VFs: (\d+), Number of VFs: (\d+), .*: ([0-9a-f]+)/.exec(text)?.slice(1)
      const ours = ['InitialVFs', 'TotalVFs', 'NumVFs'].map((register) =>
        String(field(config, 0x10, register, 'Count')),
      )
      const sriov = config.capabilities.find(({ id, extended }) => extended && id === 0x10)
      const count = (register: string): unknown => fieldOf(sriov?.registers ?? [], register, 'Count')
      expect(ours).toEqual(['undefined', 'undefined', 'undefined'])
      expect(['InitialVFs', 'TotalVFs', 'NumVFs'].map((register) => String(count(register)))).toEqual(said?.slice(0, 3))
      const offset = /VF offset: (\d+), stride: (\d+), Device ID: ([0-9a-f]+)/.exec(text)?.slice(1)
      expect([
        String(fieldOf(sriov?.registers ?? [], 'VFOffset', 'Offset')),
        String(fieldOf(sriov?.registers ?? [], 'VFStride', 'Stride')),
        fieldOf(sriov?.registers ?? [], 'VFDevice', 'ID'),
      ]).toEqual([offset?.[0], offset?.[1], `0x${offset?.[2]}`])
    },
  )

  it('has the sizes of resizable BARs', () => {
    for (const name of dumpNames.filter((one) => one.startsWith('made-'))) {
      const text = dumpText(name)
      const rebar = decodeDump(text).capabilities.find(({ id, extended }) => extended && id === 0x15)
      const said = [...text.matchAll(/BAR (\d): current size: (\w+), supported: (.*)/g)].map((match) => match.slice(1))
      const get = (register: string, label: string): unknown => fieldOf(rebar?.registers ?? [], register, label)
      const ours = [0, 1].map((index) => [
        String(get(`ReBARCtl${index}`, 'BAR')),
        get(`ReBARCtl${index}`, 'Current'),
        `${String(get(`ReBARCap${index}`, 'Supported'))} ${String(get(`ReBARCtl${index}`, 'SupportedAbove128TB'))}`,
      ])
      expect(said.length).toBe(2)
      expect(ours).toEqual(said)
    }
  })

  it.each(dumpNames.filter((one) => dumpText(one).includes('MSI: ')))(
    'has the vectors and addresses of MSI in %s',
    (name) => {
      const text = dumpText(name)
      const config = decodeDump(text)
      const said = /MSI: Enable([+-]) Count=(\d+)\/(\d+) Maskable([+-]) 64bit([+-])/.exec(text)?.slice(1)
      const sign = (label: string): string => (field(config, 5, 'MsgCtl', label) === true ? '+' : '-')
      const count = (label: string): string => String(field(config, 5, 'MsgCtl', label))
      expect([sign('Enable'), count('Enabled'), count('Count'), sign('Maskable'), sign('64bit')]).toEqual(said)
      const data = /Address: ([0-9a-f]+)\s+Data: ([0-9a-f]{4})/.exec(text)
      const value = (register: string): number =>
        config.capabilities.find(({ id }) => id === 5)?.registers.find((one: DecodedRegister) => one.name === register)
          ?.value ?? 0
      expect((BigInt(value('AddressHigh')) << 32n) + BigInt(value('Address'))).toBe(BigInt(`0x${data?.[1]}`))
      expect(value('Data')).toBe(Number(`0x${data?.[2]}`))
    },
  )

  it.each(dumpNames.filter((one) => dumpText(one).includes('MSI-X: ')))(
    'has the table and PBA of MSI-X in %s',
    (name) => {
      const text = dumpText(name)
      const config = decodeDump(text)
      const said =
        /MSI-X: Enable([+-]) Count=(\d+) Masked([+-])\s+Vector table: BAR=(\d) offset=(\w+)\s+PBA: BAR=(\d) offset=(\w+)/
      const [enable, count, masked, ...places] = said.exec(text)?.slice(1) ?? []
      const get = (register: string, label: string): unknown => field(config, 0x11, register, label)
      expect([get('MsgCtl', 'Enable'), String(get('MsgCtl', 'Count')), get('MsgCtl', 'Masked')]).toEqual([
        enable === '+',
        count,
        masked === '+',
      ])
      expect(['Table', 'PBA'].flatMap((one) => [get(one, 'BAR'), Number(get(one, 'Offset'))])).toEqual(
        places.map((place, index) => Number.parseInt(place, index % 2 === 0 ? 10 : 16)),
      )
    },
  )

  it.each(dumpNames)('has the windows of the bridge in %s', (name) => {
    const text = dumpText(name)
    const names = { io: 'I/O', memory: 'Memory', prefetchable: 'Prefetchable memory' }
    for (const { kind, range } of decodeDump(text).windows) {
      const said = new RegExp(`\\t${names[kind]} behind bridge: (?:([0-9a-f]+)-([0-9a-f]+)|\\[disabled\\])`).exec(text)
      const ours = range === undefined ? [undefined, undefined] : [range.base, range.limit]
      expect([kind, ...ours]).toEqual([
        kind,
        ...(said?.slice(1) ?? []).map((one) => (one ? BigInt(`0x${one}`) : undefined)),
      ])
    }
  })
})
