import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseProfile } from '../../../src/profile/parse.ts'
import { complaints, exampleYaml, placeOf } from './example.ts'

const register = 'offset: 0, width: 32, access: rw, description: x'
const registersOf = (registers: string) => parseProfile(exampleYaml({ registers }), 'my.yaml').regions[0]?.registers

describe('a profile', () => {
  it('is accepted without the keys that are optional', () => {
    const profile = parseProfile(exampleYaml(), 'my.yaml')
    expect(profile.match).toEqual([{ vendor: 0x1234, device: 0x5678 }])
    expect(profile.dma).toBeUndefined()
  })

  it('has 64-bit numbers as bigint, whether written as number or as quoted hex', () => {
    const behaviour = "behaviour: { constant: { mask: '0xFFFFFFFFFFFFFFFF', value: 0x10 } }"
    const registers = registersOf(`wide: { offset: 8, width: 64, access: ro, description: x, ${behaviour} }`)
    expect(registers?.['wide']?.behaviour).toEqual({ constant: { mask: 0xffff_ffff_ffff_ffffn, value: 0x10n } })
  })

  it('has bits as masks, whichever way they are written', () => {
    const registers = registersOf(
      `r: { ${register}, bits: { run: { bit: 31 }, speed: { mask: 0xf0, description: y } } }`,
    )
    expect(registers?.['r']?.bits).toEqual({ run: { mask: 0x8000_0000n }, speed: { mask: 0xf0n, description: 'y' } })
  })

  it.each([
    ['{ inverts: true }', { inverts: true }],
    ['{ scratch: true }', { scratch: true }],
  ])('has the behaviour %s', (written, behaviour) => {
    expect(registersOf(`r: { ${register}, behaviour: ${written} }`)?.['r']?.behaviour).toEqual(behaviour)
  })

  it('cannot be changed once it is read', () => {
    const profile = parseProfile(exampleYaml(), 'my.yaml')
    expect(() => Reflect.apply(Array.prototype.push, profile.match, [1])).toThrow(TypeError)
    expect(Reflect.set(profile, 'name', 'other')).toBe(false)
  })

  it('describes an edu whose DMA mask is 64 bits wide', () => {
    const more = `
dma: { engine: edu, addressBits: 64, maxTransfer: 4095, buffer: { offset: 0x40000, size: 4096 }, granularity: 1 }
lab:
  qemu:
    device: edu
    properties: { dma_mask: '0xffffffffffffffff' }
    arguments: [['-trace', 'vtd_*']]`
    const profile = parseProfile(exampleYaml({ more }), 'my.yaml')
    expect(profile.dma?.addressBits).toBe(64)
    expect(profile.lab?.qemu.properties).toEqual({ dma_mask: '0xffffffffffffffff' })
    expect(profile.lab?.qemu.arguments).toEqual([['-trace', 'vtd_*']])
  })
})

describe('a register of a profile', () => {
  it.each([
    [
      'a width that does not exist',
      'r: { offset: 0, width: 24, access: rw, description: x }',
      '24',
      'width: is 24, must be one of 8, 16, 32, 64',
    ],
    [
      'a number given as text',
      "r: { offset: '0x10', width: 32, access: rw, description: x }",
      "'0x10'",
      "offset: is '0x10', must be a number: write 0x10 without quotes",
    ],
    [
      'a fraction',
      'r: { offset: 1.5, width: 32, access: rw, description: x }',
      '1.5',
      'offset: is 1.5, must be a whole number',
    ],
    [
      'a place that is no multiple of the width',
      'r: { offset: 2, width: 32, access: rw, description: x }',
      '2, width',
      'offset: is 0x2, must be a multiple of the width, 4 bytes',
    ],
    [
      'a place behind the region',
      'r: { offset: 0x1000, width: 8, access: rw, description: x }',
      '0x1000, width',
      'offset: is 0x1000, must be inside the region, whose size is 0x1000 bytes',
    ],
    [
      'a place that begins in the region and ends behind it',
      'r: { offset: 0xffe, width: 32, access: rw, description: x }',
      '0xffe',
      'offset: is 0xffe, must be inside the region, whose size is 0x1000 bytes',
    ],
    [
      'an unknown key',
      `r: { ${register}, acess: ro }`,
      'acess',
      'acess: is no known key (did you mean access?); allowed here: offset, width, access, description, behaviour, bits',
    ],
    [
      'a key that is there twice',
      `r: { ${register}, width: 32 }`,
      'width: 32 }',
      'width: is there twice; keep one of the two',
    ],
    ['a missing key', 'r: { offset: 0, width: 32, access: rw }', 'r: {', 'description: is missing, must be a text'],
    [
      'a value that is not in the list',
      'r: { offset: 0, width: 32, access: or, description: x }',
      'or, ',
      "access: is 'or', must be one of ro, rw, wo (did you mean ro?)",
    ],
    [
      'a bit outside the register',
      `r: { ${register}, bits: { run: { bit: 32 } } }`,
      '{ bit: 32',
      'bits.run: has the mask 0x100000000, must be above 0 and inside the 32 bits of the register',
    ],
    [
      'two behaviours',
      `r: { ${register}, behaviour: { inverts: true, scratch: true } }`,
      '{ inverts',
      'behaviour: needs exactly one of constant, inverts and scratch',
    ],
    [
      'a constant outside its mask',
      `r: { ${register}, behaviour: { constant: { mask: 0xf, value: 0x10 } } }`,
      '0x10 }',
      'behaviour.constant.value: is 0x10, must have no bit outside the mask 0xf',
    ],
    [
      'a constant register that cannot be read',
      'r: { offset: 0, width: 32, access: wo, description: x, behaviour: { constant: { mask: 1, value: 1 } } }',
      '{ constant',
      'behaviour: is constant, but the register cannot be read',
    ],
    [
      'an inverting register that is read only',
      'r: { offset: 0, width: 32, access: ro, description: x, behaviour: { inverts: true } }',
      '{ inverts',
      'behaviour: answers what was written, so the access must be rw, not ro',
    ],
  ])('is refused with %s', (_, line, needle, complaint) => {
    const text = exampleYaml({ registers: line })
    expect(complaints(text)).toContain(`${placeOf(needle, text)}: regions[0].registers.r.${complaint}`)
  })

  it('is refused where it overlaps another one', () => {
    const registers = `a: { offset: 4, width: 64, access: rw, description: x }\nb: { ${register} }\nc: { offset: 6, width: 16, access: rw, description: x }`
    expect(complaints(exampleYaml({ registers }))).toContain(
      '13:20: regions[0].registers.c.offset: is 0x6, but a has the bytes 0x4 to 0xb; registers must not overlap',
    )
  })

  it('never shares a byte with another one in an accepted profile', () => {
    const place = fc.record({ slot: fc.nat({ max: 15 }), width: fc.constantFrom(8, 16, 32, 64) })
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 5 }), (places) => {
        const claimed = places.flatMap(({ slot, width }) =>
          Array.from({ length: width / 8 }, (_, byte) => slot * (width / 8) + byte),
        )
        const registers = places
          .map(
            ({ slot, width }, n) =>
              `r${n}: { offset: ${(slot * width) / 8}, width: ${width}, access: rw, description: x }`,
          )
          .join('\n')
        const accept = () => parseProfile(exampleYaml({ registers }), 'my.yaml')
        if (new Set(claimed).size === claimed.length) expect(accept).not.toThrow()
        else expect(accept).toThrow(/registers must not overlap/)
      }),
    )
  })
})

describe('a number that YAML readers would round', () => {
  const rounded = 'is an integer beyond 53 bits, which many YAML readers round: write it as the quoted text'

  it('is refused where 64 bits are meant', () => {
    const registers = `r: { offset: 0, width: 64, access: ro, description: x, behaviour: { constant: { mask: 0xffffffffffffffff, value: 1 } } }`
    const text = exampleYaml({ registers })
    expect(complaints(text)).toEqual([
      `${placeOf('0xffff', text)}: regions[0].registers.r.behaviour.constant.mask: ${rounded} '0xffffffffffffffff'`,
    ])
  })

  it('is refused among the properties of the virtual bench', () => {
    const more = 'lab: { qemu: { device: edu, properties: { dma_mask: 18446744073709551615 } } }'
    expect(complaints(exampleYaml({ more }))).toEqual([
      `14:53: lab.qemu.properties.dma_mask: ${rounded} '0xffffffffffffffff'`,
    ])
  })

  it('is told from one that fits', () => {
    const mask = (value: bigint) =>
      `r: { offset: 0, width: 64, access: ro, description: x, behaviour: { constant: { mask: ${value}, value: 0 } } }`
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }), (value) => {
        const read = () => parseProfile(exampleYaml({ registers: mask(value) }), 'my.yaml')
        if (value > BigInt(Number.MAX_SAFE_INTEGER)) expect(read).toThrow(`'0x${value.toString(16)}'`)
        else expect(read().regions[0]?.registers?.['r']?.behaviour).toEqual({ constant: { mask: value, value: 0n } })
      }),
    )
  })
})

describe('the complaint about a profile', () => {
  it('names every problem, in the order of the file', () => {
    const text = exampleYaml({ more: 'expectSkip: [budgte]' })
      .replace('name: example', 'name: My Device')
      .replace('vendor: 0x1234', 'vendor: 0x12345')
      .replace('size: 0x1000', 'size: 0x1001')
      .replace('source:', 'soruce:')
    expect(complaints(text).map((line) => line.split(' ', 2).join(' '))).toEqual([
      '1:1: source:',
      '1:7: name:',
      '3:1: soruce:',
      '5:15: match[0].vendor:',
      '9:11: regions[0].size:',
      '14:14: expectSkip[0]:',
    ])
  })

  it('gives the place of a syntax error', () => {
    expect(complaints('name: [1\ntitle: x')[0]).toMatch(/^2:1: /)
  })

  it.each([
    ['an empty file', '', '1:1: is empty, must be a map of keys'],
    ['a list', '- 1', '1:1: is a list, must be a map of keys'],
    ['two documents', 'a: 1\n---\nb: 1', '2:1: a second document begins here; a profile is one document'],
    ['an alias', 'name: &a x\ntitle: *a', '2:8: title: is an alias; write the value out, profiles have no references'],
    [
      'a BAR described twice',
      exampleYaml().replace('interrupts', '  - { index: 0, kind: io, size: 4 }\ninterrupts'),
      '12:14: regions[1].index: is 0, which an earlier region has; each BAR is described once',
    ],
    [
      'a transfer longer than the buffer',
      exampleYaml({
        more: 'dma: { engine: edu, addressBits: 28, maxTransfer: 9, buffer: { offset: 0, size: 8 }, granularity: 1 }',
      }),
      '14:51: dma.maxTransfer: is 9, must be at most the size of the buffer, 8 bytes',
    ],
    [
      'no device to match',
      exampleYaml().replace(/match:\n.*/, 'match: []'),
      '4:8: match: is a list, must have at least one entry',
    ],
  ])('tells of %s', (_, text, complaint) => {
    expect(complaints(text)).toContain(complaint)
  })

  it('is a complaint whatever the file contains', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(complaints(text).length).toBeGreaterThan(0)
      }),
    )
  })
})
