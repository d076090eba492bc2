import { existsSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { OsError } from '../../src/base/errors.ts'
import { codeThrownBy, describeAddon } from './providers.ts'

const hasVfio = existsSync('/dev/vfio/vfio')

describeAddon('VFIO without a device', ({ memory, vfio }) => {
  const withoutVfio = hasVfio ? it.skip : it

  withoutVfio('says that the container is not there, with errno and call', () => {
    expect(codeThrownBy(() => vfio.openContainer())).toBe('iommu-unavailable')
    expect(() => vfio.openContainer()).toThrow(OsError)
    expect(() => vfio.openContainer()).toThrow(expect.objectContaining({ errno: 2, syscall: 'open' }))
    expect(() => vfio.openContainer()).toThrow('/dev/vfio/vfio')
  })

  it('refuses the number of another kind of thing', () => {
    const area = memory.createMemory(4096)
    const uses = [
      () => vfio.openGroup(area, '/dev/vfio/1'),
      () => vfio.setIommu(area, 3),
      () => vfio.openDevice(area, 'x'),
      () => vfio.closeDescriptor(area),
      () => vfio.deviceInfo(area),
      () => vfio.regionInfo(area, 0),
      () => vfio.mapDma(area, area, 0, 4096, 0n, 3),
      () => vfio.disarmInterrupts(area),
    ]
    expect(uses.map(codeThrownBy)).toEqual(uses.map(() => 'internal'))
    memory.release(area)
  })
})
