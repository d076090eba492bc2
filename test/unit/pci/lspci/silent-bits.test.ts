import { describe, expect, it } from '@jest/globals'
import { decodeConfig } from '../../../../src/pci/decode.ts'
import { fieldOf } from '../../../../src/pci/register.ts'
import { ConfigBytes } from '../config-bytes.ts'
import { silentBits } from './silent-bits.ts'

it.each(silentBits)('%j: %s %s is that bit, and no other flag is', ([id, at, width, extended], name, label, mask) => {
  const config = new ConfigBytes(4096).list(0x40).capability(0x40, extended ? 0x10 : id, 0)
  // Version 2 of PCI Express, so that all its registers are there.
  if (extended || id === 0x10) config.put16(0x42, 2)
  if (extended) config.extended(0x100, id, 0)
  const offset = (extended ? 0x100 : 0x40) + at
  if (width === 2) config.put16(offset, mask)
  else config.put32(offset, mask)
  const register = decodeConfig(config.bytes)
    .capabilities.find((one) => one.extended === extended)
    ?.registers.find((one) => one.name === name)
  expect(register?.fields.filter(({ value }) => value === true).map((field) => field.label)).toEqual([label])
})

/** MSI with 64-bit addresses and a mask for each vector. */
const msi = (): ConfigBytes => new ConfigBytes().list(0x40).capability(0x40, 0x05, 0).put16(0x42, 0x0180)

describe('fields that lspci words otherwise or not at all', () => {
  const express = (): ConfigBytes => new ConfigBytes(4096).list(0x40).capability(0x40, 0x10, 0).put16(0x42, 0x0042)
  const rows: readonly (readonly [register: string, label: string, value: unknown, config: ConfigBytes])[] = [
    ['RootSta', 'PMEReqID', '0x1234', express().put32(0x60, 0x0001_1234)],
    ['DevCap2', 'EmergencyPowerReduction', 'Form Factor or Device Specific', express().put32(0x64, 0x0200_0000)],
    [
      'DevCap',
      'SlotPowerLimit',
      3,
      express()
        .put16(0x42, 0x0072)
        .put32(0x44, 3 << 18),
    ],
    [
      'DevCap',
      'SlotPowerLimit',
      '250',
      express()
        .put16(0x42, 2)
        .put32(0x44, 0xf0 * 2 ** 18),
    ],
    [
      'DevCap',
      'SlotPowerLimit',
      'above 300',
      express()
        .put16(0x42, 2)
        .put32(0x44, 0xf3 * 2 ** 18),
    ],
    [
      'DevCap',
      'SlotPowerLimit',
      24,
      express()
        .put16(0x42, 2)
        .put32(0x44, 0x1f0 * 2 ** 18),
    ],
    ['DevCap', 'FLReset', true, express().put16(0x42, 0x0092).put32(0x44, 0x1000_0000)],
    ['DevCap2', 'MaxEETLPPrefixes', 0, express().put32(0x64, 0x00c0_0000)],
    ['DevCap2', 'MaxEETLPPrefixes', 4, express().put32(0x64, 0x0020_0000)],
    ['DevCap2', 'MaxEETLPPrefixes', 2, express().put32(0x64, 0x00a0_0000)],
    ['DevCap2', 'LN System CLS', '128 bytes', express().put32(0x64, 0x8000)],
    ['LnkCap2', 'Supported Link Speeds', '2.5-64GT/s', express().put32(0x6c, 0x3f << 1)],
    ['LnkCap2', 'Supported Link Speeds', '5GT/s,16GT/s', express().put32(0x6c, 0b1010 << 1)],
    ['LnkCap2', 'Supported Link Speeds', '32GT/s', express().put32(0x6c, 0x10 << 1)],
    ['LnkCap2', 'Supported Link Speeds', 'unknown', express().put32(0x6c, 0x40 << 1)],
    ['LnkCtl2', 'Selectable De-emphasis', '-3.5dB', express().put16(0x70, 0x40)],
    ['LnkCtl2', 'Transmit Margin', 5, express().put16(0x70, 0x280)],
    ['LnkCtl2', 'Compliance Preset', 9, express().put16(0x70, 0x9000)],
    ['ACSCtl', 'DSPMemTarget', 'Blocked', express().extended(0x100, 0x0d, 0).put16(0x106, 0x100)],
    ['ACSCtl', 'USPMemTarget', 'Redirected', express().extended(0x100, 0x0d, 0).put16(0x106, 0x800)],
    ['VFBAR5', 'Register', '0xfedcba98', express().extended(0x100, 0x10, 0).put32(0x138, 0xfedc_ba98)],
    ['SysPageSize', 'PageSizes', '0x1000', express().extended(0x100, 0x10, 0).put32(0x120, 1)],
    ['Masking', 'Vectors', '0x80000001', msi().put32(0x50, 0x8000_0001)],
    ['Pending', 'Vectors', '0x80000002', msi().put32(0x54, 0x8000_0002)],
    ['Address', 'Low', '0xfee00004', msi().put32(0x44, 0xfee0_0004)],
    ['AddressHigh', 'High', '0x80000001', msi().put32(0x48, 0x8000_0001)],
    ['Status', 'ImmReady', true, new ConfigBytes().put16(0x06, 1)],
    ['BIST', 'Capable', true, new ConfigBytes().put8(0x0f, 0x80)],
    ['BIST', 'Start', true, new ConfigBytes().put8(0x0f, 0x40)],
    ['BIST', 'Code', 5, new ConfigBytes().put8(0x0f, 0x05)],
    ['MinGnt', 'Time', 2.5, new ConfigBytes().put8(0x3e, 10)],
    ['MaxLat', 'Time', 5, new ConfigBytes().put8(0x3f, 20)],
  ]

  it.each(rows)('%s has %s %s', (register, label, value, { bytes }) => {
    const { registers, capabilities } = decodeConfig(bytes)
    const all = [registers, ...capabilities.map((one) => one.registers)].map((some) => fieldOf(some, register, label))
    expect(all.filter((found) => found !== undefined)).toEqual([value])
  })
})
