/**
 * Every reason for which a case may not run. Codes are part of the record format: profiles and `--allow-skip` name
 * them, so one is never renamed. The text says what is missing and, where there is a way, how to get it.
 */
export const skipCodes = {
  'no-dma-engine': 'the profile names no engine that makes this device move bytes',
  'no-cyclic-engine': 'the profile names no engine that makes this device walk through a buffer by itself',
  'engine-carries-nothing':
    'the engine may have the device write its own data only: the profile names no scratch blocks',
  'engine-too-simple': 'the engine has too few channels, no abort, takes no lists, or no address and length whatever',
  'no-hardware-register': 'the device has no register that tells its position, or its clock, to clients',
  'no-interrupts': 'the device, or its engine, raises no interrupt on demand',
  'no-memory-bar': 'the device has no memory BAR that can be mapped',
  'no-known-register': 'the profile names no register whose behaviour the case could check',
  'placement-not-caller': 'the platform chooses bus addresses itself',
  'identity-placement':
    'bus addresses are frame addresses here: nobody can choose them, and mixing the two cannot show',
  'not-revocable': 'nothing refuses an access by the device: there is no IOMMU between it and memory',
  'faults-not-observable': 'the platform does not show which accesses it refused',
  'witness-suppressed': 'the platform dropped fault reports, so that none of them proves nothing; run the case alone',
} as const satisfies Readonly<Record<string, string>>

export type SkipCode = keyof typeof skipCodes

export const isSkipCode = (code: string): code is SkipCode => Object.hasOwn(skipCodes, code)
