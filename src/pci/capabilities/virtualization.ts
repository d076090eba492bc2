import { type RegisterSpec, address, flag, number, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

/** A mask of page sizes in units of 4 KiB, so that each bit of the field is a size in bytes. */
const pageSizes = (name: string, offset: number, section: string): RegisterSpec =>
  register(name, offset, 4, section, [address(0, 32, 'PageSizes', 4096)])

const registers: readonly RegisterSpec[] = [
  register('IOVCap', 0x04, 4, 'PCIe 9.3.3.2', [
    flag(0, 'Migration'),
    flag(1, 'ARIPreserved'),
    flag(2, '10BitTagReq'),
    number(21, 11, 'IntMsg'),
  ]),
  register('IOVCtl', 0x08, 2, 'PCIe 9.3.3.3', [
    flag(0, 'Enable'),
    flag(1, 'Migration'),
    flag(2, 'Interrupt'),
    flag(3, 'MSE'),
    flag(4, 'ARIHierarchy'),
    flag(5, '10BitTagReq'),
  ]),
  register('IOVSta', 0x0a, 2, 'PCIe 9.3.3.4', [flag(0, 'Migration')]),
  register('InitialVFs', 0x0c, 2, 'PCIe 9.3.3.5', [number(0, 16, 'Count')]),
  register('TotalVFs', 0x0e, 2, 'PCIe 9.3.3.6', [number(0, 16, 'Count')]),
  register('NumVFs', 0x10, 2, 'PCIe 9.3.3.7', [number(0, 16, 'Count')]),
  register('FunctionLink', 0x12, 1, 'PCIe 9.3.3.8', [number(0, 8, 'Function')]),
  register('VFOffset', 0x14, 2, 'PCIe 9.3.3.9', [number(0, 16, 'Offset')]),
  register('VFStride', 0x16, 2, 'PCIe 9.3.3.10', [number(0, 16, 'Stride')]),
  register('VFDevice', 0x1a, 2, 'PCIe 9.3.3.11', [address(0, 16, 'ID')]),
  pageSizes('SupPageSize', 0x1c, 'PCIe 9.3.3.12'),
  pageSizes('SysPageSize', 0x20, 'PCIe 9.3.3.13'),
  ...[0, 1, 2, 3, 4, 5].map((bar) =>
    register(`VFBAR${bar}`, 0x24 + 4 * bar, 4, 'PCIe 9.3.3.14', [address(0, 32, 'Register')]),
  ),
  register('VFMigration', 0x3c, 4, 'PCIe 9.3.3.15', [number(0, 3, 'BAR'), address(3, 29, 'Offset')]),
]

/** Single Root I/O Virtualization, extended id 0010 (PCIe 9.3.3). */
export const virtualization: CapabilityDecoder = () => ({ length: 0x40, registers })
