import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import { type Outcome, runNode } from './process.ts'
import { ADDON_PATH, describeAddon } from './providers.ts'

// Processes and builds of their own take longer where cores are few.
jest.setTimeout(60_000)

const SOURCE = new URL('./fake/vfio.c', import.meta.url).pathname

/** What programs share: `codes` runs each action and gives what it threw, or returned. */
const PRELUDE = `
  const native = require(${JSON.stringify(ADDON_PATH)})
  const codes = (...actions) => actions.map((action) => { try { return action() } catch (error) { return error.code } })
  const print = (value) => console.log(JSON.stringify(value, (_, v) =>
    typeof v === 'bigint' ? v.toString() : ArrayBuffer.isView(v) ? Array.from(v) : v))
  const container = native.openContainer()
  const group = native.openGroup(container, '/dev/vfio/1')
  native.setIommu(container, 3)
  const device = native.openDevice(group, '0000:01:00.0')
`

describeAddon('VFIO calls, the kernel played by test/native/fake/vfio.c,', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'probar-fake-'))
    execFileSync('cc', ['-shared', '-fPIC', '-o', join(folder, 'vfio.so'), SOURCE, '-ldl', '-lpthread'])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const run = (program: string): Outcome => runNode(PRELUDE + program, { LD_PRELOAD: join(folder, 'vfio.so') })
  const result = (program: string): unknown => {
    const outcome = run(program)
    return outcome.status === 0 ? JSON.parse(outcome.stdout) : outcome
  }

  it('name what is wrong with a group', () => {
    const paths = ['2', '113', '101', '116', '105', 'absent']
    const program = `print(codes(${paths.map((name) => `() => native.openGroup(container, '/dev/vfio/${name}')`).join()}))`
    expect(result(program)).toEqual([
      'group-not-viable',
      'permission-denied', // EACCES
      'permission-denied', // EPERM
      'device-busy',
      'os-error',
      'iommu-unavailable',
    ])
  })

  it('name what is wrong with an IOMMU type or a device', () => {
    expect(
      result(`print(codes(() => native.setIommu(container, 8), () => native.setIommu(container, 1),
        () => native.openDevice(group, 'gone'), () => native.openDevice(group, 'held'),
        () => native.openDevice(group, 'a\\0b'), () => native.reset(device)))`),
    ).toEqual([
      'iommu-unavailable',
      'permission-denied',
      'device-absent',
      'device-busy',
      'range-outside',
      'capability-missing',
    ])
  })

  it('read the capabilities of an IOMMU', () => {
    expect(result('print(native.iommuInfo(container))')).toEqual({
      pageSizes: String(0x4020_1000),
      ranges: ['0', String(0xfedf_ffff), String(0xfef0_0000), String(2n ** 64n - 1n)],
      available: 65_535,
    })
  })

  it('take a region as mappable whole when the kernel lists no areas', () => {
    expect(result('print(native.regionInfo(device, 0))')).toMatchObject({ mappable: ['0', '4096'] })
  })

  it('read the sparse areas of a region', () => {
    expect(result('print(native.regionInfo(device, 1))')).toEqual({
      flags: 15,
      size: 4 * 4096,
      offset: String(8 * 4096),
      mappable: ['0', '4096', '8192', '8192'],
    })
  })

  it.each([
    [2, 'leads outside'],
    [3, 'goes in circles'],
    [4, 'lists areas that lie outside or wrap around'],
    [5, 'lists none'],
  ])('take nothing as mappable where the chain of capabilities (region %d) %s', (index) => {
    expect(result(`print(native.regionInfo(device, ${index}))`)).toMatchObject({ size: 4096, mappable: [] })
    expect(result(`print(codes(() => native.mapRegion(device, ${index}, 0, 4096, 0)))`)).toEqual(['region-unmappable'])
  })

  it('tell regions and interrupts that do not exist', () => {
    expect(result('print(codes(() => native.regionInfo(device, 8), () => native.interruptInfo(device, 5)))')).toEqual([
      'region-absent',
      'interrupt-unavailable',
    ])
  })

  it('map only what a region allows', () => {
    const map = (index: number, offset: number, length: number): string =>
      `() => typeof native.mapRegion(device, ${index}, ${offset}, ${length}, 0)`
    const calls = [
      map(0, 0, 4096),
      map(1, 0, 4096),
      map(1, 8192, 8192),
      map(1, 0, 8192),
      map(1, 4096, 4096),
      map(0, 0, 8192),
      map(0, 4096, 4096),
      map(0, 0, 100),
      map(0, 0, 0),
      map(7, 0, 4096),
      map(6, 0, 4096),
    ]
    expect(result(`print(codes(${calls.join()}))`)).toEqual([
      'number',
      'number',
      'number',
      'region-unmappable',
      'region-unmappable',
      'region-outside',
      'region-outside',
      'region-misaligned',
      'region-misaligned',
      'region-outside',
      'region-outside',
    ])
  })

  it('map a BAR into reserved space, where its release leaves a guard', () => {
    expect(
      result(`
        const space = native.reserve(4 * 4096)
        const place = native.address(space) + 4096
        const bar = native.mapRegion(device, 0, 0, 4096, place)
        native.store32(bar, 8, 0xabcd)
        const overlap = codes(() => native.mapRegion(device, 0, 0, 4096, place))
        const seen = [native.load32(space, 4096 + 8), native.load64(bar, 8), native.readRegion(device, 0, 8, 4)]
        native.release(bar)
        print([...seen, ...overlap, ...codes(() => native.load32(space, 4096), () => native.load32(bar, 0))])`),
    ).toEqual([0xabcd, String(0xabcd), String(0xabcd), 'range-outside', 'access-violation', 'closed'])
  })

  it('refuse block access and JavaScript memory of a BAR, and name the way', () => {
    expect(
      result(`
        const bar = native.mapRegion(device, 0, 0, 4096, 0)
        const memory = native.createMemory(4096)
        const one = new Uint8Array(1)
        let message = ''
        try { native.read(bar, 0, 4) } catch (error) { message = error.message }
        print([/load32|load8 to load64/.test(message), ...codes(() => native.read(bar, 0, 1), () => native.write(bar, 0, one),
          () => native.fill(bar, 0, 1, 0), () => native.compare(bar, 0, one), () => native.copy(bar, 0, memory, 0, 1),
          () => native.copy(memory, 0, bar, 0, 1), () => native.bytes(bar))])`),
    ).toEqual([true, ...Array<string>(7).fill('register-width')])
  })

  it('say region-outside and region-misaligned for registers', () => {
    expect(
      result(`
        const bar = native.mapRegion(device, 0, 0, 4096, 0)
        print(codes(() => native.load32(bar, 4096), () => native.load32(bar, 2), () => native.readRegion(device, 7, 256, 1),
          () => native.readRegion(device, 7, 2, 4), () => native.readRegion(device, 7, 0, 3),
          () => native.writeRegion(device, 7, 0, 1, 256n)))`),
    ).toEqual([
      'region-outside',
      'region-misaligned',
      'region-outside',
      'region-misaligned',
      'register-width',
      'range-outside',
    ])
  })

  it('read and write config space at each width', () => {
    expect(
      result(`
        native.writeRegion(device, 7, 8, 8, 0x1122334455667788n)
        native.writeRegion(device, 7, 8, 1, 0xffn)
        print([1, 2, 4, 8].map((width) => native.readRegion(device, 7, 8, width)))`),
    ).toEqual(['255', String(0x77ff), String(0x5566_77ff), String(0x1122_3344_5566_77ffn)])
  })

  it('say device-gone when the memory of a BAR vanishes', () => {
    expect(
      result(`
        const fs = require('node:fs')
        const bar = native.mapRegion(device, 0, 0, 4096, 0)
        for (const name of fs.readdirSync('/proc/self/fd')) {
          try { if (fs.readlinkSync('/proc/self/fd/' + name).includes('fake-vfio')) fs.truncateSync('/proc/self/fd/' + name, 0) } catch {}
        }
        print(codes(() => native.load32(bar, 0), () => native.store64(bar, 8, 1n), () => native.readRegion(device, 0, 0, 4)))`),
    ).toEqual(['device-gone', 'device-gone', 'device-gone'])
  })

  it('name why a DMA mapping is refused', () => {
    const errnos: Readonly<Record<string, number>> = {
      'dma-overlap': 17,
      'dma-entries-exhausted': 28,
      'out-of-memory': 12,
      'access-violation': 14,
      'capability-missing': 25,
      'os-error': 5,
    }
    const call = (iova: bigint, size = 4096): string =>
      `() => native.mapDma(container, memory, 0, ${size}, ${iova}n, 3)`
    const calls = Object.values(errnos).map((errno) => call((1n << 63n) | BigInt(errno)))
    expect(result(`const memory = native.createMemory(8192); print(codes(${calls.join()}))`)).toEqual(
      Object.keys(errnos),
    )
    const memlock = `const memory = native.createMemory(8192)
      try { (${calls[2]})() } catch (error) { print(error.message.includes('ulimit -l')) }`
    expect(result(memlock)).toBe(true)
    const full = `const memory = native.createMemory(8192)
      try { (${calls[1]})() } catch (error) { print(error.message.includes('vfio_iommu_type1.dma_entry_limit')) }`
    expect(result(full)).toBe(true)
  })

  it('tell a misaligned DMA mapping from one outside of the aperture', () => {
    const refused = (1n << 63n) | 22n // EINVAL
    const outside = (1n << 62n) | (1n << 12n) // EINVAL too, see the fake
    expect(
      result(`const memory = native.createMemory(8192)
        print(codes(() => native.mapDma(container, memory, 0, 4096, ${refused}n, 3),
          () => native.mapDma(container, memory, 0, 4096, ${outside}n, 3)))`),
    ).toEqual(['dma-misaligned', 'dma-outside-aperture'])
  })

  it('tell why a range that the kernel calls invalid is refused', () => {
    const [last, cut] = [2n ** 64n - 4096n, (1n << 62n) | (1n << 12n)] // EINVAL to all, see the fake
    const unmap = (iova: bigint, size: number): string => `() => native.unmapDma(container, ${iova}n, ${size}n)`
    const calls = [unmap(cut, 4096), unmap(cut, 0), unmap(cut + 1n, 4096), unmap(last, 8192), unmap(0x7fn << 56n, 4096)]
    expect(
      result(`const memory = native.createMemory(8192)
        print(codes(() => native.mapDma(container, memory, 0, 8192, ${last}n, 3), ${calls.join()}))`),
    ).toEqual([
      'dma-range-overflow',
      'dma-would-split',
      'dma-misaligned',
      'dma-misaligned',
      'dma-range-overflow',
      'os-error',
    ])
  })

  it('check the memory and the flags of a DMA mapping before the kernel sees them', () => {
    const outcome = run(`const memory = native.createMemory(8192)
      print(codes(() => native.mapDma(container, memory, 4096, 8192, 0n, 3), () => native.mapDma(container, memory, 0, 4096, 0n, 0),
        () => native.mapDma(container, memory, 0, 4096, 0n, 4), () => native.mapDma(container, memory, 0, 4096, -1n, 3)))`)
    expect(JSON.parse(outcome.stdout)).toEqual(Array<string>(4).fill('range-outside'))
    expect(outcome.stderr).not.toContain('mapped')
  })

  it('pass a DMA mapping on as it is and return what the kernel unmapped', () => {
    const outcome = run(`const memory = native.createMemory(16384)
      native.mapDma(container, memory, 4096, 8192, 0x10000000n, 2)
      print(native.unmapDma(container, 0x10000000n, 8192n))`)
    expect(outcome.stderr).toContain('mapped 0x10000000 0x2000 2')
    expect(JSON.parse(outcome.stdout)).toBe(0x3000)
  })

  it('carry interrupts with vector and count, and none after disarming', () => {
    const outcome = run(`
      const heard = [0, 0, 0, 0]
      const set = native.armInterrupts(device, 1, 4, (vector, fired) => { heard[vector] += fired })
      for (const vector of [2, 2, 0, 2]) {
        native.triggerInterrupt(set, vector)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20) // lets the thread see each by itself
      }
      setTimeout(() => {
        native.triggerInterrupt(set, 3)
        native.disarmInterrupts(set)
        setTimeout(() => print([heard, ...codes(() => native.triggerInterrupt(set, 0), () => native.disarmInterrupts(set))]), 30)
      }, 100)`)
    expect(JSON.parse(outcome.stdout)).toEqual([[1, 0, 3, 0], 'closed', 'closed'])
    expect(outcome.stderr).toBe('armed 1 4\narmed 1 0\n')
  })

  it('let go of the device at once, also while JavaScript has not heard of one that fired', () => {
    const outcome = run(`
      const { readdirSync, existsSync } = require('node:fs')
      const files = () => readdirSync('/proc/self/fd').filter((number) => existsSync('/proc/self/fd/' + number)).length
      const before = files()
      const set = native.armInterrupts(device, 1, 1, () => {})
      native.triggerInterrupt(set, 0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100) // the thread has seen it, and its call waits
      native.disarmInterrupts(set)
      native.closeDescriptor(device)
      print(before - files())`)
    expect(JSON.parse(outcome.stdout)).toBe(1)
  })

  it('mask and unmask a level-triggered line when they are told to, and never by themselves', () => {
    const outcome = run(`
      const set = native.armInterrupts(device, 0, 1, () => console.error('told'))
      native.triggerInterrupt(set, 0)
      setTimeout(() => {
        native.maskInterrupt(set, 0)
        native.unmaskInterrupt(set, 0)
        native.disarmInterrupts(set)
      }, 100)`)
    expect(outcome.stderr).toBe('armed 0 1\ntold\nmasked 0\nunmasked 0\narmed 0 0\n')
  })

  it('say that a kind of interrupt cannot be masked', () => {
    expect(
      result(`const set = native.armInterrupts(device, 1, 2, () => {})
        print(codes(() => native.maskInterrupt(set, 0), () => native.unmaskInterrupt(set, 0)))`),
    ).toEqual(['interrupt-unavailable', 'interrupt-unavailable'])
  })

  it('arm nothing when the kernel has fewer vectors than asked for, and say how many', () => {
    const outcome = run(
      `try { native.armInterrupts(device, 1, 3, () => {}) } catch (error) { print([error.code, error.message]) }`,
    )
    const [code, message] = JSON.parse(outcome.stdout) as string[]
    expect([code, outcome.stderr]).toEqual(['interrupt-unavailable', ''])
    expect(message).toContain('can give 1')
  })

  it('tell what a reset of the bus takes along, and do it with the group only', () => {
    const outcome = run(`print([native.hotResetInfo(device), ...codes(() => native.hotReset(device),
      () => native.hotReset(device, group) ?? 'done', () => native.hotReset(device, container))])`)
    expect(JSON.parse(outcome.stdout)).toEqual([
      {
        byId: false,
        owned: false,
        devices: [
          { owner: 12, segment: 0, bus: 5, devfn: 0 },
          { owner: 13, segment: 1, bus: 5, devfn: 9 },
        ],
      },
      'capability-missing',
      'done',
      'internal',
    ])
    expect(outcome.stderr).toBe('hot reset\n')
  })

  it('refuse vectors that are not there', () => {
    expect(
      result(`const arm = (index, count) => () => native.armInterrupts(device, index, count, () => {})
        const set = native.armInterrupts(device, 1, 2, () => {})
        print(codes(arm(1, 0), arm(1, 5), arm(3, 1), arm(9, 1), arm(4, 1), () => native.triggerInterrupt(set, 2)))`),
    ).toEqual([...Array<string>(4).fill('interrupt-unavailable'), 'device-busy', 'range-outside'])
  })

  it('let the process end while interrupts are armed, and disarm them', () => {
    const outcome = run('native.armInterrupts(device, 2, 4, () => {})')
    expect(outcome).toMatchObject({ status: 0, signal: null, stderr: 'armed 2 4\narmed 2 0\n' })
  })

  it('let a handler throw like any callback', () => {
    const outcome = run(`
      process.on('uncaughtException', (error) => { print(error.message); process.exit(7) })
      const set = native.armInterrupts(device, 1, 1, () => { throw new Error('from the handler') })
      native.triggerInterrupt(set, 0)
      setTimeout(() => {}, 5000)`)
    expect(outcome).toMatchObject({ status: 7, stdout: '"from the handler"\n' })
  })

  it('may be disarmed by their own handler', () => {
    const outcome = run(`
      const set = native.armInterrupts(device, 2, 4, () => codes(() => native.disarmInterrupts(set)))
      setTimeout(() => print('done'), 100)`)
    expect(outcome).toMatchObject({ status: 0, stdout: '"done"\n', stderr: 'armed 2 4\narmed 2 0\n' })
  })

  it('end with a worker that is terminated while they fire', () => {
    const worker = `${PRELUDE}
      const { parentPort } = require('node:worker_threads')
      native.armInterrupts(device, 2, 4, () => {})
      parentPort.postMessage('armed')
      for (;;) codes(() => native.load8(0, 0))`
    const outcome = runNode(
      `const { Worker } = require('node:worker_threads')
       const round = (left) => {
         const worker = new Worker(${JSON.stringify(worker)}, { eval: true })
         worker.on('message', () => setTimeout(() => worker.terminate(), left))
         worker.on('exit', () => left > 1 ? round(left - 1) : console.log('ended'))
       }
       round(8)`,
      { LD_PRELOAD: join(folder, 'vfio.so') },
    )
    expect(outcome).toMatchObject({ status: 0, signal: null, stdout: 'ended\n' })
    expect(outcome.stderr).toBe('armed 2 4\narmed 2 0\n'.repeat(8))
  })
})
