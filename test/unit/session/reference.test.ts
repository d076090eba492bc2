import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { type BackendName, PCI_BACKENDS, parseReference } from '../../../src/session/reference.ts'

function failure(text: string, backend?: BackendName): unknown {
  try {
    return parseReference(text, backend)
  } catch (error) {
    return [codeOf(error), error instanceof Error ? error.message : '']
  }
}

describe('a device reference', () => {
  const address = '0000:03:00.0'

  it.each(['0000:03:00.0', '03:00.0'])('%s is a function whose back end the machine decides', (text) => {
    expect(parseReference(text)).toEqual({ backend: 'auto', ref: address, address })
  })

  it.each(PCI_BACKENDS)(
    'of the back end %s is a function through it, named before the address or beside it',
    (name) => {
      const through = { backend: name, ref: `${name}:${address}`, address }
      expect(parseReference(`${name}:0000:03:00.0`)).toEqual(through)
      expect(parseReference(`${name}:03:00.0`, name)).toEqual(through)
      expect(parseReference('03:00.0', name)).toEqual(through)
    },
  )

  it('of the loopback stays as it was given', () => {
    const ref = 'loopback:edu?fault=irq-lost'
    expect(parseReference(ref)).toEqual({ backend: 'loopback', ref })
    expect(parseReference(ref, 'loopback')).toEqual({ backend: 'loopback', ref })
  })

  it.each(['', 'edu', 'vfio:', 'vfio:loopback:edu', 'pci:0000:03:00.0', '0000:03:00.9', 'Loopback:edu'])(
    '%j is unknown, and the message says what to give and how to list',
    (text) => {
      expect(failure(text)).toEqual(['reference-unknown', expect.stringMatching(/loopback:edu.*probar devices/)])
    },
  )

  it.each([
    ['loopback:edu', 'vfio'],
    ['0000:03:00.0', 'loopback'],
    ['vfio:0000:03:00.0', 'iommufd'],
    ['iommufd:0000:03:00.0', 'vfio'],
  ] as const)('%s with the back end %s is a contradiction', (text, backend) => {
    expect(failure(text, backend)).toEqual(['usage', expect.stringContaining(backend)])
  })
})
