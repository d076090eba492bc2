import { type Repaired, finishJournals } from '../../host/linux/taking/repair.ts'
import { loadNative } from '../../native/load.ts'

export type { Repaired }

/**
 * Puts back what processes left taken that died together with their guardians, and puts aside journals that cannot be
 * read. Needs root; may be repeated.
 * @throws OsError permission-denied, os-error; ProbarError addon-missing
 */
export const repairDevices = (): readonly Repaired[] => finishJournals(loadNative().locks)
