import { z } from 'zod'

/**
 * The run record `probar-run/1`: what a run leaves behind, and all that a reporter sees. 64-bit values, seed,
 * addresses and PCI ids are lowercase `0x` strings. Reading ignores keys that it does not know, so that a later
 * Probar may add some without a new version.
 */
export const RECORD_SCHEMA = 'probar-run/1'

/** pass · fail · skip · xfail (a known issue that shows) · xpass (one that does not) · error (the case itself broke). */
export const verdicts = ['pass', 'fail', 'skip', 'xfail', 'xpass', 'error'] as const
export type Verdict = (typeof verdicts)[number]

/**
 * Who answered, from weak to strong: only Probar's own code, the operating system, or a device that moved bytes,
 * raised an interrupt or answered a register.
 */
export const witnesses = ['model', 'kernel', 'device'] as const
export type Witness = (typeof witnesses)[number]

const text = z.string().min(1)
const hexString = z
  .string()
  .regex(/^0x[0-9a-f]{1,16}$/)
  .describe('an unsigned number of at most 64 bits, lowercase hexadecimal')
const scalar = z.union([z.string(), z.number(), z.boolean()])
const list = <T extends z.ZodType>(item: T) => z.array(item).readonly()

export type RecordedValue = z.infer<typeof scalar>

const operationSchema = z
  .object({
    t: z.number().nonnegative().describe('milliseconds since the case began'),
    op: text.describe('what was done, for example dma.map'),
    args: z.record(z.string(), scalar).readonly(),
    result: scalar.exactOptional(),
    times: z.int().min(2).exactOptional().describe('how often in a row, when more than once; t is that of the first'),
  })
  .readonly()
export type RecordedOperation = z.infer<typeof operationSchema>

const evidenceSchema = z
  .object({
    ops: list(operationSchema).describe('the first and the last operations of the case, in order'),
    dropped: z.int().positive().exactOptional().describe('operations left out between them'),
  })
  .readonly()
export type Evidence = z.infer<typeof evidenceSchema>

const reasonSchema = z
  .object({ code: text.describe('stable; of a skip, one of the published skip codes'), text })
  .readonly()
export type Reason = z.infer<typeof reasonSchema>

const measurementSchema = z.object({ name: text, unit: z.string(), value: z.number() }).readonly()
export type Measurement = z.infer<typeof measurementSchema>

const caseSchema = z
  .object({
    id: text.describe('for example mdl/maps-scattered-frames'),
    suite: text,
    rules: list(text).describe(
      'what the case proves: ids of the rule catalogue, or of clauses of a compound rule, for example VER-012/0xB4',
    ),
    verdict: z.enum(verdicts),
    witness: z.enum(witnesses).describe('the strongest that answered; derived from the operations'),
    reason: reasonSchema.exactOptional().describe('always there unless the verdict is pass'),
    durationMs: z.number().nonnegative(),
    measurements: list(measurementSchema).exactOptional(),
    evidence: evidenceSchema.exactOptional(),
  })
  .refine((one) => one.verdict === 'pass' || one.reason !== undefined, {
    path: ['reason'],
    error: 'is missing; every verdict but pass has one',
  })
  .readonly()
export type CaseRecord = z.infer<typeof caseSchema>

const deviceSchema = z
  .object({
    ref: text.describe('how it was named, for example vfio:0000:01:00.0'),
    vendor: hexString,
    device: hexString,
    revision: hexString,
    driver: text.exactOptional().describe('the driver that held it during the run'),
    group: z.int().nonnegative().exactOptional().describe('its IOMMU group'),
    reset: text
      .exactOptional()
      .describe('how it was reset before and after the run: flr, pm, bus, hot-reset, …; or none'),
  })
  .readonly()

const head = {
  schema: z.literal(RECORD_SCHEMA),
  id: text,
  startedAt: z.iso.datetime(),
  host: z.object({ platform: text, release: text, arch: text }).readonly(),
  versions: z.object({ probar: text, node: text }).catchall(text).readonly(),
  seed: hexString,
  backend: text,
  dmaInterface: text.exactOptional().describe("the kernel's interface that maps memory, for example type1v2"),
  withoutAddon: text.exactOptional().describe('why the native addon was not in use; absent when it was'),
  device: deviceSchema,
  profile: text.exactOptional().describe('the name of the hardware profile'),
}

const runHeadSchema = z.object(head).readonly()
/** What is known before the first case runs. */
export type RunHead = z.infer<typeof runHeadSchema>

const count = z.int().nonnegative()
const summarySchema = z
  .object({ pass: count, fail: count, skip: count, xfail: count, xpass: count, error: count })
  .readonly()
export type Summary = z.infer<typeof summarySchema>

/** The shape alone; `parseRecord` also checks that the summary counts the cases and that no case is there twice. */
export const runRecordSchema = z
  .object({
    ...head,
    cases: list(caseSchema),
    summary: summarySchema,
    stopped: reasonSchema.exactOptional().describe('why the run ended before its last case: the device was taken away'),
  })
  .readonly()
export type RunRecord = z.infer<typeof runRecordSchema>
