/**
 * Every reason for which a case may not run. Codes are part of the record format: profiles and `--allow-skip` name
 * them, so one is never renamed. The text says what is missing and, where there is a way, how to get it.
 */
export const skipCodes = {
  'addon-missing': 'the native addon is not built: install a C++20 compiler and cmake, then run npm rebuild',
  'no-dma-engine': 'the profile names no engine that makes this device move bytes',
  'transfer-too-short': 'the engine moves fewer bytes at once than the case needs',
  'no-interrupts': 'the device, or its engine, raises no interrupt on demand',
  'no-memory-bar': 'the device has no memory BAR that can be mapped',
  'no-io-bar': 'the device has no I/O BAR',
  'no-known-register': 'the profile names no register whose behaviour the case could check',
  'no-reset': 'the platform has no way to reset this function',
  'placement-not-caller': 'the platform chooses bus addresses itself',
  'identity-placement':
    'bus addresses are frame addresses here: nobody can choose them, and mixing the two cannot show',
  'not-revocable': 'nothing refuses an access by the device: there is no IOMMU between it and memory',
  'faults-not-observable': 'the platform does not show which accesses it refused',
  'witness-suppressed': 'the platform dropped fault reports, so that none of them proves nothing; run the case alone',
  fragments: 'the frames that the platform gave cannot be fragmented as the case needs',
  budget: 'the time limit of the run was reached before this case',
  'not-falsifiable': 'no device here can break this rule, so a pass would say nothing',
} as const satisfies Readonly<Record<string, string>>

export type SkipCode = keyof typeof skipCodes

export const isSkipCode = (code: string): code is SkipCode => Object.hasOwn(skipCodes, code)
