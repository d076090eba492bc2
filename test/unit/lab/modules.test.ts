import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { isStatic, sectionOf } from '../../../src/lab/kernel/elf.ts'
import {
  dependenciesOf,
  loadOrder,
  moduleName,
  parseModuleList,
  type ModuleSource,
} from '../../../src/lab/kernel/modules.ts'
import { tinyElf } from './tiny-elf.ts'

const module = (depends: readonly string[]): Buffer =>
  tinyElf({
    '.text': Buffer.from('depends=lie\0'),
    '.modinfo': Buffer.from(`license=x\0depends=${depends.join()}\0a=b\0`),
  })
const source = (graph: Readonly<Record<string, readonly string[]>>, builtIn: readonly string[] = []): ModuleSource => ({
  read: async (name) => (graph[name] === undefined ? undefined : module(graph[name])),
  isBuiltIn: (name) => builtIn.includes(name),
})
const orderOf = async (names: readonly string[], from: ModuleSource): Promise<string[]> =>
  (await loadOrder(names, from)).map(({ name }) => name)

describe('the load order of kernel modules', () => {
  it('has each module after those that it depends on', async () => {
    // a module depends only on later numbers, so there is no circle
    const graphs = fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(graphs, async (edges) => {
        const graph = Object.fromEntries(
          edges.map((to, index) => [
            `m${index}`,
            to
              .map((step) => index + 1 + step)
              .filter((target) => target < edges.length)
              .map((target) => `m${target}`),
          ]),
        )
        const order = await orderOf(Object.keys(graph), source(graph))
        expect([...order].toSorted()).toEqual(Object.keys(graph).toSorted())
        for (const [name, dependencies] of Object.entries(graph)) {
          for (const dependency of dependencies) expect(order.indexOf(dependency)).toBeLessThan(order.indexOf(name))
        }
      }),
      { numRuns: 50 },
    )
  })

  it('takes - and _ in a name for the same', async () => {
    expect(await orderOf(['vfio-pci'], source({ vfio_pci: ['vfio-pci-core'], vfio_pci_core: [] }))).toEqual([
      'vfio_pci_core',
      'vfio_pci',
    ])
  })

  it('passes over what the kernel has built in', async () => {
    expect(await orderOf(['a', 'b'], source({ a: ['c'] }, ['b', 'c']))).toEqual(['a'])
  })

  it('names the module that asked for one that is absent', async () => {
    await expect(orderOf(['a'], source({ a: ['b'], b: ['gone'] }))).rejects.toThrow('a → b → gone')
  })

  it('refuses a circle instead of running in it', async () => {
    await expect(orderOf(['a'], source({ a: ['b'], b: ['a'] }))).rejects.toMatchObject({ code: 'lab-boot-failed' })
  })

  it('reads dependencies from .modinfo only', () => {
    expect(dependenciesOf(module(['x', 'y']))).toEqual(['x', 'y'])
    expect(dependenciesOf(tinyElf({ '.text': Buffer.from('depends=lie\0') }))).toEqual([])
  })
})

describe('the names of kernel modules', () => {
  it.each(['kernel/drivers/vfio/pci/vfio-pci.ko', 'vfio_pci.ko.xz', 'vfio-pci'])('are read from %s', (path) => {
    expect(moduleName(path)).toBe('vfio_pci')
  })

  it('are listed one a line, with comments', () => {
    expect(parseModuleList('# top\n\n9p # the root\n  overlay\n')).toEqual(['9p', 'overlay'])
  })
})

describe('reading ELF files', () => {
  const onLinux = process.platform === 'linux' ? it : it.skip

  it('tells a static program from one that needs a loader', () => {
    expect(isStatic(tinyElf({}, [1, 1]))).toBe(true)
    expect(isStatic(tinyElf({}, [1, 3, 1]))).toBe(false)
  })

  onLinux("finds the loader's name in a program that a real linker made", () => {
    const node = readFileSync(process.execPath)
    expect(isStatic(node)).toBe(false)
    expect(Buffer.from(sectionOf(node, '.interp') ?? []).toString()).toMatch(/^\/.*ld.*\0$/)
    expect(sectionOf(node, '.nothing-of-the-kind')).toBeUndefined()
  })

  it('refuses other files by a code', () => {
    expect(() => isStatic(Buffer.from('#!/bin/sh\n'))).toThrow(expect.objectContaining({ code: 'lab-boot-failed' }))
  })
})
