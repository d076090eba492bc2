import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { type Outcome, runNode } from './process.ts'
import { ADDON_PATH, describeAddon } from './providers.ts'

const SOURCE = new URL('./fake/iommufd.c', import.meta.url).pathname

/** What programs share: `codes` runs each action and gives what it threw, or returned. */
const PRELUDE = `
  const native = require(${JSON.stringify(ADDON_PATH)})
  const codes = (...actions) => actions.map((action) => { try { return action() } catch (error) { return error.code } })
  const print = (value) => console.log(JSON.stringify(value, (_, v) =>
    typeof v === 'bigint' ? v.toString() : ArrayBuffer.isView(v) ? Array.from(v) : v))
  const iommufd = native.openIommufd()
  const device = native.openDeviceFile('/dev/vfio/devices/vfio0')
  const memory = native.createMemory(16384)
`

describeAddon('iommufd calls, the kernel played by test/native/fake/iommufd.c,', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'probar-fake-'))
    execFileSync('cc', ['-shared', '-fPIC', '-o', join(folder, 'iommufd.so'), SOURCE, '-ldl'])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const run = (program: string): Outcome => runNode(PRELUDE + program, { LD_PRELOAD: join(folder, 'iommufd.so') })
  const result = (program: string): unknown => {
    const outcome = run(program)
    return outcome.status === 0 ? JSON.parse(outcome.stdout) : outcome
  }

  it('bind the device, allocate an address space, attach, detach and destroy', () => {
    expect(
      result(`print(codes(() => native.bindIommufd(device, iommufd), () => native.allocateIoas(iommufd),
        () => native.attachIoas(device, 5), () => native.detachIoas(device) ?? 'detached',
        () => native.destroyIommuObject(iommufd, 5) ?? 'destroyed'))`),
    ).toEqual([41, 5, 105, 'detached', 'destroyed'])
  })

  it('name why a device is not to be had', () => {
    const bind = (name: string): string =>
      `() => native.bindIommufd(native.openDeviceFile('/dev/vfio/devices/${name}'), iommufd)`
    expect(result(`print(codes(${['vfio1', 'vfio2', 'vfio9'].map(bind).join()}))`)).toEqual([
      'device-busy',
      'permission-denied',
      'iommu-unavailable',
    ])
  })

  it('read all ranges, also when there are more than were expected', () => {
    const ranges = Array.from({ length: 6 }, (_, i) => [String(i * 0x10_0000), String(i * 0x10_0000 + 0xffff)]).flat()
    expect(result('print(native.ioasRanges(iommufd, 5))')).toEqual({ ranges, alignment: 4096 })
  })

  it('tell an object that is not there from one that is in use', () => {
    expect(
      result(`print(codes(() => native.destroyIommuObject(iommufd, 4), () => native.destroyIommuObject(iommufd, 6),
        () => native.ioasRanges(iommufd, 4)))`),
    ).toEqual(['closed', 'os-error', 'os-error'])
  })

  it.each([
    [1, 5],
    [2, 3],
    [3, 7],
  ])('map with access %i as the kernel’s flags %i, at a fixed address', (access, flags) => {
    const outcome = run(`native.mapIoas(iommufd, 5, memory, 4096, 8192, 0x10000000n, ${access})`)
    expect(outcome.stderr).toContain(`mapped ioas 5 0x10000000 0x2000 flags ${flags}`)
  })

  it('name why a mapping is refused', () => {
    const errnos: Readonly<Record<string, number>> = {
      'dma-overlap': 17,
      'out-of-memory': 12,
      'access-violation': 14,
      'dma-range-overflow': 75,
      'dma-misaligned': 22,
      'os-error': 5,
    }
    const call = (errno: number): string =>
      `() => native.mapIoas(iommufd, 5, memory, 0, 4096, ${(1n << 63n) | BigInt(errno)}n, 3)`
    expect(result(`print(codes(${Object.values(errnos).map(call).join()}))`)).toEqual(Object.keys(errnos))
  })

  it('check memory and flags before the kernel sees them', () => {
    const outcome = run(`print(codes(() => native.mapIoas(iommufd, 5, memory, 16384, 4096, 0n, 3),
      () => native.mapIoas(iommufd, 5, memory, 0, 4096, 0n, 0), () => native.mapIoas(iommufd, 5, memory, 0, 4096, 0n, 4)))`)
    expect(JSON.parse(outcome.stdout)).toEqual(Array<string>(3).fill('range-outside'))
    expect(outcome.stderr).not.toContain('mapped')
  })

  it('return what the kernel unmapped, and say when nothing was there', () => {
    expect(
      result(
        `print(codes(() => native.unmapIoas(iommufd, 5, 4096n, 4096n), () => native.unmapIoas(iommufd, 5, 0n, 4096n)))`,
      ),
    ).toEqual([0x3000, 'dma-unmapped'])
  })

  it('name why nothing is unmapped', () => {
    const call = (errno: number): string => `() => native.unmapIoas(iommufd, 5, ${(1n << 63n) | BigInt(errno)}n, 4096n)`
    expect(result(`print(codes(${[2, 75, 22, 5].map(call).join()}))`)).toEqual([
      'dma-unmapped',
      'dma-range-overflow',
      'dma-misaligned',
      'os-error',
    ])
  })

  it('tell physical places of memory that may move to nobody', () => {
    expect(result(`print(codes(() => native.physicalFrames(memory), () => native.createMemory(4096, true)))`)).toEqual([
      'capability-missing',
      'range-outside',
    ])
  })

  it('close like any file of VFIO, and refuse the number of another kind of thing', () => {
    expect(
      result(`native.closeDescriptor(iommufd)
        print(codes(() => native.allocateIoas(iommufd), () => native.allocateIoas(device), () => native.attachIoas(memory, 5),
          () => native.openGroup(device, '/dev/vfio/1')))`),
    ).toEqual(['closed', 'internal', 'internal', 'internal'])
  })
})
