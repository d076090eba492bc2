import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { checkIommufd } from '../../../src/host/linux/vfio-nodes.ts'

describe('whether the kernel has iommufd', () => {
  it('is refused by name where its file is not there, with what to do', () => {
    expect(() => checkIommufd('0000:01:00.0', '/nonexistent/iommu')).toThrow(
      expect.objectContaining({ code: 'iommu-unavailable', message: expect.stringContaining('modprobe iommufd') }),
    )
  })

  it('is well where its file is there, even one that may not be opened', () => {
    const folder = mkdtempSync(join(tmpdir(), 'probar-iommu-'))
    try {
      const file = join(folder, 'iommu')
      writeFileSync(file, '', { mode: 0 })
      expect(checkIommufd('0000:01:00.0', file)).toBeUndefined()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
