import { z } from 'zod'
import { skipCodes, type SkipCode } from '../record/skip-codes.ts'
import { bytes, integer, powerOfTwo, unsigned64 } from './numbers.ts'

/**
 * What Probar knows of a kind of device: hw-profiles/*.yaml. Everything that was read is readonly; 64-bit numbers are
 * bigint, offsets and sizes in bytes number. `parseProfile` also applies the rules of consistency.ts.
 */
const object = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape).readonly()
const list = <T extends z.ZodType>(item: T) => z.array(item).readonly()
const named = <T extends z.ZodType>(item: T, example: string) => {
  const name = z.string().regex(/^[a-z][A-Za-z0-9]*$/, { error: `must be a name such as ${example}` })
  return z.record(name, item).readonly()
}
const text = z.string().trim().min(1, { error: 'must not be empty' })
const id16 = integer(0, 0xffff)

const matchSchema = object({
  vendor: id16.describe('PCI vendor id'),
  device: id16.describe('PCI device id'),
  subsystemVendor: id16.exactOptional(),
  subsystem: id16.exactOptional(),
  revision: integer(0, 0xff).exactOptional(),
  class: integer(0, 0xff_ffff).exactOptional().describe('24 bits: base class, subclass, programming interface'),
})

export const bitsSchema = z
  .strictObject({
    bit: integer(0, 63).exactOptional(),
    mask: unsigned64.exactOptional(),
    description: text.exactOptional(),
  })
  .refine(({ bit, mask }) => (bit === undefined) !== (mask === undefined), { error: 'needs either bit or mask' })
  .transform(({ bit, mask, description }) => ({
    mask: mask ?? 1n << BigInt(bit ?? 0),
    ...(description === undefined ? {} : { description }),
  }))
  .readonly()

const constantSchema = object({
  mask: unsigned64.describe('the bits that never change'),
  value: unsigned64.describe('what they are; 0 outside the mask'),
})

/** What a case can rely on; exactly one of the three. */
export type Behaviour =
  | { readonly constant: z.output<typeof constantSchema> }
  /** Reads back every bit inverted. */
  | { readonly inverts: true }
  /** Reads back what was written, and does nothing else. */
  | { readonly scratch: true }

export const behaviourSchema = z
  .strictObject({
    constant: constantSchema.exactOptional(),
    inverts: z.literal(true).exactOptional().describe('reads back every bit inverted'),
    scratch: z.literal(true).exactOptional().describe('reads back what was written, and does nothing else'),
  })
  .refine((behaviour) => Object.keys(behaviour).length === 1, {
    error: 'needs exactly one of constant, inverts and scratch',
  })
  .transform(({ constant, inverts }): Behaviour => {
    if (constant !== undefined) return { constant }
    return inverts === true ? { inverts } : { scratch: true }
  })
  .readonly()

const registerPlace = {
  offset: bytes(0).describe("bytes from the region's start, a multiple of the width"),
  width: z.literal([8, 16, 32, 64]).describe('bits of one access'),
}
export const registerPlaceSchema = z.object(registerPlace)

const registerSchema = object({
  ...registerPlace,
  access: z.enum(['ro', 'rw', 'wo']),
  description: text,
  behaviour: behaviourSchema.exactOptional(),
  bits: named(bitsSchema, 'interruptEnable').exactOptional(),
})
export type Register = z.output<typeof registerSchema>

const regionSchema = object({
  index: integer(0, 5).describe('BAR number'),
  kind: z.enum(['memory', 'io']),
  size: powerOfTwo(4).describe('bytes'),
  registers: named(registerSchema, 'interruptStatus').exactOptional(),
})
export type ProfileRegion = z.output<typeof regionSchema>

export const dmaSchema = object({
  engine: z.enum(['edu', 'sg', 'nvme']).describe('which of the engines drives the transfers'),
  addressBits: integer(1, 64).describe('bits of the addresses that the device emits'),
  maxTransfer: bytes(1).describe('bytes of one transfer'),
  buffer: object({ offset: bytes(0), size: bytes(1) })
    .exactOptional()
    .describe('memory inside the device that transfers start or end in, in its own address space'),
  granularity: powerOfTwo(1).describe('bytes of which addresses and lengths are multiples'),
  scratch: object({
    namespace: integer(1, 0xffff_fffe),
    firstBlock: integer(0, Number.MAX_SAFE_INTEGER),
    blocks: integer(1, Number.MAX_SAFE_INTEGER),
  })
    .exactOptional()
    .describe('logical blocks of a disk that Probar may overwrite; without them it writes to no disk'),
})

export const cyclicSchema = object({
  engine: z.enum(['sg', 'intel-hda']).describe('which of the engines drives the streams'),
  addressBits: integer(1, 64).describe('bits of the addresses that the device emits'),
  records: z
    .enum(['counter', 'silence', 'unknown'])
    .describe('what an input stream records: byte i of the stream = i mod 251, zeros, or whatever comes in'),
  restarts: z
    .literal(true)
    .exactOptional()
    .describe("after a pause the device begins at the buffer's start, where it should go on"),
})

const interruptsSchema = object({
  intx: integer(1, 1).exactOptional(),
  msi: integer(1, 32).exactOptional(),
  msix: integer(1, 2048).exactOptional(),
}).describe('vectors of each kind that the device has')

const skipCode = z.enum(Object.keys(skipCodes) as [SkipCode, ...SkipCode[]])

const labSchema = object({
  qemu: object({
    device: text.describe('name of the model for -device'),
    properties: z
      .record(text, z.union([z.string(), z.number()], { error: 'must be a text or a number' }))
      .readonly()
      .exactOptional()
      .describe('properties of the model; {id} stands for the id of the device'),
    arguments: list(z.tuple([text, z.string()], { error: 'must be a list of two texts, flag and value' }).readonly())
      .exactOptional()
      .describe(
        '[flag, value] pairs that QEMU needs besides; {id} stands for the id of the device, {out} for the output folder',
      ),
  }),
})

export const profileSchema = object({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, { error: 'must be lowercase words joined by hyphens' }),
  title: text,
  source: text.describe('the public document that the facts come from'),
  onlyByName: z
    .literal(true)
    .exactOptional()
    .describe('taken only when --profile names it: nothing tells its device from that of another profile'),
  match: z.array(matchSchema).min(1, { error: 'must have at least one entry' }).readonly(),
  regions: list(regionSchema),
  dma: dmaSchema.exactOptional(),
  cyclic: cyclicSchema
    .exactOptional()
    .describe('buffers that the device walks through by itself, as sound controllers do'),
  interrupts: interruptsSchema,
  reset: object({
    supported: z.boolean(),
    keepsRegisters: z.boolean().describe('registers keep their values across a reset'),
  }),
  expectSkip: list(skipCode).exactOptional().describe('skip codes that are no surprise on this device'),
  knownIssues: list(object({ case: text, reason: text }))
    .exactOptional()
    .describe('cases that fail on this device for a known reason; they end as xfail'),
  lab: labSchema.exactOptional().describe('what presents the device on the virtual bench'),
})
export type Profile = z.output<typeof profileSchema>
