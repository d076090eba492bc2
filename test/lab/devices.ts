import { BENCH_DEVICES } from '../../src/cli/lab/lab-devices.ts'
import type { Need } from '../contract/bench.ts'
import { type DeviceFacts, eduFacts } from '../contract/facts.ts'

/** A device of the bench, as `probar lab run --devices all` puts it there. */
export interface BenchedDevice {
  /** Of its profile. */
  readonly name: string
  readonly address: string
  /** Bits of the addresses that it emits. */
  readonly addressBits: number
  readonly facts: DeviceFacts
  /** Why checks of the contract are skipped on it, on any back end. */
  readonly lacks: readonly Need[]
}

const memory = { kind: 'memory', prefetchable: false, addressBits: 32, mappable: true } as const
const ports = { kind: 'io', prefetchable: false, addressBits: 32, mappable: false } as const
/** Less than a page: it cannot be mapped. */
const small = { ...memory, mappable: false }
const ALL_BITS = 0xffff_ffff

/** Sources: as in the profiles of the same name, and QEMU 7.2's own code where no document tells. */
const described: Readonly<Record<string, Omit<BenchedDevice, 'name' | 'address'>>> = {
  'qemu-edu': { addressBits: 28, facts: eduFacts, lacks: [] },
  'qemu-edu-64': { addressBits: 64, facts: eduFacts, lacks: [] },
  'qemu-pci-testdev': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x1b36, device: 0x0005, revision: 0x00, classCode: 0x00ff00 },
      configSize: 256,
      regions: [
        { ...memory, index: 0, size: 0x1000 },
        { ...ports, index: 1, size: 0x100 },
      ],
      bar: 0,
      vectors: { intx: 0, msi: 0, msix: 0 },
      // The offset of a test, as long as none was chosen; no write here is without effect.
      constant: { bar: 0, offset: 0x04, value: 0 },
    },
    lacks: ['edu', 'scratch', 'interrupts'],
  },
  'qemu-nvme': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x1b36, device: 0x0010, revision: 0x02, classCode: 0x010802 },
      configSize: 4096,
      regions: [{ ...memory, index: 0, size: 0x4000, addressBits: 64 }],
      bar: 0,
      vectors: { intx: 1, msi: 0, msix: 65 },
      // VS: 1.4.0
      constant: { bar: 0, offset: 0x08, value: 0x0001_0400 },
      // ASQ, read by nobody while the controller is disabled
      scratch: { bar: 0, offset: 0x28, mask: 0xffff_f000 },
    },
    lacks: ['edu'],
  },
  'qemu-intel-hda': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x8086, device: 0x2668, revision: 0x01, classCode: 0x040300 },
      configSize: 256,
      regions: [{ ...memory, index: 0, size: 0x4000 }],
      bar: 0,
      vectors: { intx: 1, msi: 1, msix: 0 },
      // GCAP; the model answers with one register an access, so the version that the same dword holds is missing
      constant: { bar: 0, offset: 0x00, value: 0x4401 },
      // CORBLBASE, read by nobody while the ring is stopped
      scratch: { bar: 0, offset: 0x40, mask: 0xffff_ff80, afterReset: 0 },
    },
    lacks: ['edu'],
  },
  'qemu-e1000e': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x8086, device: 0x10d3, revision: 0x00, classCode: 0x020000 },
      configSize: 4096,
      regions: [
        { ...memory, index: 0, size: 0x2_0000 },
        { ...memory, index: 1, size: 0x2_0000 },
        { ...ports, index: 2, size: 0x20 },
        { ...memory, index: 3, size: 0x4000 },
      ],
      bar: 0,
      vectors: { intx: 1, msi: 1, msix: 5 },
      // RAL 0: the Ethernet address that the profile starts it with, 52:54:00:12:34:56
      constant: { bar: 0, offset: 0x5400, value: 0x1200_5452 },
      // MTA: a filter that nothing passes while receiving is off; kept, because the kernel resets by way of D3, which
      // the model takes without doing anything
      scratch: { bar: 0, offset: 0x5200, mask: ALL_BITS },
    },
    lacks: ['edu'],
  },
  'qemu-ich9-ahci': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x8086, device: 0x2922, revision: 0x02, classCode: 0x010601 },
      configSize: 256,
      regions: [
        { ...ports, index: 4, size: 0x20 },
        { ...memory, index: 5, size: 0x1000 },
      ],
      bar: 5,
      vectors: { intx: 1, msi: 1, msix: 0 },
      // VS: 1.0
      constant: { bar: 5, offset: 0x10, value: 0x0001_0000 },
      // P0CLB, read by nobody while the port is stopped
      scratch: { bar: 5, offset: 0x100, mask: 0xffff_fc00 },
    },
    lacks: ['edu'],
  },
  'qemu-lsi53c895a': {
    addressBits: 32,
    facts: {
      identity: { vendor: 0x1000, device: 0x0012, revision: 0x00, classCode: 0x010000 },
      configSize: 256,
      regions: [
        { ...ports, index: 0, size: 0x100 },
        { ...small, index: 1, size: 0x400 },
        { ...memory, index: 2, size: 0x2000 },
      ],
      bar: 2,
      vectors: { intx: 1, msi: 0, msix: 0 },
      // SCRIPTS RAM, in its second page
      scratch: { bar: 2, offset: 0x1010, mask: ALL_BITS },
    },
    lacks: ['edu', 'constant'],
  },
  'qemu-ivshmem-plain': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x1af4, device: 0x1110, revision: 0x01, classCode: 0x050000 },
      configSize: 256,
      regions: [
        { ...small, index: 0, size: 0x100 },
        { ...memory, index: 2, size: 0x40_0000, prefetchable: true, addressBits: 64 },
      ],
      bar: 2,
      vectors: { intx: 0, msi: 0, msix: 0 },
      // IVPosition, where there are no interrupts
      constant: { bar: 0, offset: 0x08, value: 0 },
      // the memory that is shared with nobody, near its end
      scratch: { bar: 2, offset: 0x3f_f010, mask: ALL_BITS },
    },
    lacks: ['edu', 'interrupts'],
  },
  'qemu-bochs-display': {
    addressBits: 64,
    facts: {
      identity: { vendor: 0x1234, device: 0x1111, revision: 0x02, classCode: 0x038000 },
      configSize: 4096,
      regions: [
        { ...memory, index: 0, size: 0x100_0000, prefetchable: true },
        { ...memory, index: 2, size: 0x1000 },
      ],
      bar: 2,
      vectors: { intx: 0, msi: 0, msix: 0 },
      // the size of the extended registers
      constant: { bar: 2, offset: 0x600, value: 8 },
      // the frame buffer, which nothing shows, in its last page
      scratch: { bar: 0, offset: 0xff_f010, mask: ALL_BITS },
    },
    lacks: ['edu', 'interrupts'],
  },
}

/** The same models, as far as the contract sees them, as others of the bench: what is asked of those is not asked again. */
const SAME_MODEL = ['qemu-intel-hda-wav']

/** All others, in the order of their addresses. */
export const benchedDevices: readonly BenchedDevice[] = BENCH_DEVICES.flatMap((name, index) => {
  if (SAME_MODEL.includes(name)) return []
  const facts = described[name]
  if (facts === undefined) throw new Error(`test/lab/devices.ts does not describe ${name}`)
  return { name, address: `0000:${(index + 1).toString(16).padStart(2, '0')}:00.0`, ...facts }
})
