import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { busAddress, va } from '../../src/base/address.ts'
import { codeOf, OsError } from '../../src/base/errors.ts'
import { IoasTranslation } from '../../src/backend/iommufd/translation.ts'
import type { Translation } from '../../src/backend/iova-domain.ts'
import { Descriptors } from '../../src/backend/vfio-device/descriptors.ts'
import { Type1Translation } from '../../src/backend/vfio/translation.ts'
import type { HostMemory } from '../../src/device/contract.ts'
import { vfioDeviceFile } from '../../src/host/linux/vfio-nodes.ts'
import { readPciFunction } from '../../src/host/linux/pci-functions.ts'
import { type Native, loadNative } from '../../src/native/load.ts'
import { BASE, type Interface, MAPPED, MAPPING, PAGE, UNMAPPING } from './kernel-answers.ts'

/** The first device of the bench. */
const ADDRESS = '0000:01:00.0'

interface Opened {
  readonly translation: Translation
  /** Mappings that the kernel still grants; type 1 alone tells. */
  readonly available: (() => number) | undefined
  close(): void
}

/** What the kernel itself says, below everything by which Probar keeps from asking for it. */
export function describeMappingRules(name: Interface): void {
  describe(`the kernel's rules of ${name}`, () => {
    const native = loadNative()
    const memory = memoryOf(native)
    let opened: Opened
    beforeEach(() => {
      opened = name === 'iommufd' ? openIoas(native) : openType1(native, name)
      const { translation } = opened
      translation.map(busAddress(BASE), memory, 0, MAPPED.first * PAGE, 'both')
      translation.map(busAddress(BASE + BigInt(MAPPED.first * PAGE)), memory, 0x8000, MAPPED.second * PAGE, 'both')
    })
    afterEach(() => opened.close())

    it.each(Object.entries(UNMAPPING))('unmapping %s', (_, { from, pages, ...rules }) => {
      const { translation } = opened
      const [expected, left] = rules[name]
      expect(answer(() => translation.unmap(busAddress(BASE + BigInt(from * PAGE)), pages * PAGE))).toEqual(expected)
      expect(mappedPages(translation, memory)).toBe(left)
    })

    it.each(Object.entries(MAPPING))('mapping %s', (_, { bus, pages, ...rules }) => {
      const { translation } = opened
      const before = opened.available?.()
      const map = (): number => {
        translation.map(busAddress(bus), memory, 0x1_0000, pages * PAGE, 'both')
        return 0
      }
      expect(answer(map)).toEqual(rules[name])
      expect([opened.available?.(), mappedPages(translation, memory)]).toEqual([before, 8])
    })

    it('unmapping a second time finds nothing', () => {
      const { translation } = opened
      const unmap = () => answer(() => translation.unmap(busAddress(BASE), MAPPED.first * PAGE))
      expect([unmap(), unmap()]).toEqual([MAPPED.first * PAGE, UNMAPPING['where nothing is mapped']?.[name][0]])
    })
  })
}

/** Pages of the two mappings that cannot be mapped again, by asking for each. */
function mappedPages(translation: Translation, memory: HostMemory): number {
  return Array.from({ length: MAPPED.first + MAPPED.second }, (_, page) => {
    const bus = busAddress(BASE + BigInt(page * PAGE))
    const told = answer(() => (translation.map(bus, memory, 0x1_0000, PAGE, 'both'), 0))
    if (told === 0) translation.unmap(bus, PAGE)
    return told
  }).filter((told) => told !== 0).length
}

function answer(act: () => number): unknown {
  try {
    return act()
  } catch (error) {
    return error instanceof OsError ? [codeOf(error), error.errno] : error
  }
}

function memoryOf({ memory: native }: Native): HostMemory {
  const area = native.createMemory(0x2_0000)
  return {
    area,
    address: va(native.address(area)),
    size: 0x2_0000,
    read: (offset, length) => native.read(area, offset, length),
    write: (offset, bytes) => native.write(area, offset, bytes),
  }
}

function openType1({ vfio }: Native, name: 'type1' | 'type1v2'): Opened {
  if (vfio === undefined) throw new Error('the addon is not built')
  const files = new Descriptors(vfio)
  const container = files.keep(vfio.openContainer())
  files.keep(vfio.openGroup(container, `/dev/vfio/${readPciFunction(ADDRESS).iommuGroup}`))
  vfio.setIommu(container, name === 'type1' ? 1 : 3)
  const translation = new Type1Translation(vfio, container)
  return { translation, available: () => vfio.iommuInfo(container).available, close: () => files.close() }
}

function openIoas({ vfio }: Native): Opened {
  if (vfio === undefined) throw new Error('the addon is not built')
  const files = new Descriptors(vfio)
  const iommufd = files.keep(vfio.openIommufd())
  const device = files.keep(vfio.openDeviceFile(vfioDeviceFile(ADDRESS) ?? ''))
  vfio.bindIommufd(device, iommufd)
  const ioas = vfio.allocateIoas(iommufd)
  vfio.attachIoas(device, ioas)
  return { translation: new IoasTranslation(vfio, iommufd, ioas), available: undefined, close: () => files.close() }
}
