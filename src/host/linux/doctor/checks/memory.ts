import { type Finding, asRoot, asUser } from '../finding.ts'
import type { Need } from './machine.ts'
import type { MachineFacts } from '../machine-facts.ts'

const KIB = 1024
const HUGE_PAGE = 2048 * KIB
const PAGE = 4 * KIB
/** The least with which all cases of this version were seen to pass. */
const LEAST_LOCKED = 64 * KIB

export function lockedMemoryFinding({ lockedMemory: limit, user }: MachineFacts, { mappedBytes }: Need): Finding {
  const base = {
    check: 'memlock',
    title: 'Locked memory',
    why: 'Memory that a device may reach is pinned, and counts against this limit; beyond it mappings fail.',
    ways: ['vfio', 'iommufd'] as const,
    short: 'locked memory limit',
    mend: [],
  }
  if (limit === undefined) return { ...base, state: 'unknown', found: '/proc/self/limits does not tell it' }
  if (limit.exempt) return { ...base, state: 'ok', found: 'no limit for this user (CAP_IPC_LOCK)' }
  if (limit.soft >= mappedBytes)
    return { ...base, state: 'ok', found: `${sizeText(limit.soft)} of ${sizeText(mappedBytes)} that a session can map` }
  const found = `${sizeText(limit.soft)}, and a session can map ${sizeText(mappedBytes)}`
  const mend =
    limit.hard >= mappedBytes
      ? asUser(`ulimit -l ${mappedBytes / KIB}`)
      : asRoot(
          `echo '${user.name} - memlock ${mappedBytes / KIB}' > /etc/security/limits.d/probar.conf   # then log in anew`,
        )
  const enough = limit.soft >= LEAST_LOCKED
  return { ...base, state: enough ? 'warn' : 'bad', found: enough ? `${found}; all cases map less` : found, mend }
}

export function entryLimitFinding({ dmaEntryLimit: limit }: MachineFacts, { mappedBytes }: Need): Finding {
  const most = mappedBytes / PAGE
  const base = {
    check: 'dma-entries',
    title: 'DMA entries',
    why: 'So many mappings a program may have at once through type 1; each run of pages is one.',
    ways: ['vfio'] as const,
    short: 'dma_entry_limit',
    mend: [],
  }
  if (limit === undefined)
    return { ...base, state: 'unknown', found: 'vfio_iommu_type1 does not tell its dma_entry_limit' }
  if (limit >= most) return { ...base, state: 'ok', found: `${limit}, and a session needs ${most} at most` }
  const mend = asRoot('echo 65535 > /sys/module/vfio_iommu_type1/parameters/dma_entry_limit')
  return {
    ...base,
    state: limit === 0 ? 'bad' : 'warn',
    found: `${limit}; a session of single pages needs ${most}`,
    mend,
  }
}

export function hugePagesFinding({ hugePages: { free } }: MachineFacts, { mappedBytes }: Need): Finding {
  const needed = Math.ceil(mappedBytes / HUGE_PAGE)
  const base = {
    check: 'hugepages',
    title: 'Huge pages',
    why: 'Without an IOMMU memory must stay where it is; a session takes huge pages for that.',
    ways: ['noiommu'] as const,
    short: 'no huge pages',
    mend: [],
  }
  if (free === undefined) return { ...base, state: 'bad', found: 'this kernel has none of 2 MiB (CONFIG_HUGETLBFS)' }
  const found = `${free} of 2 MiB free, ${needed} needed`
  if (free >= needed) return { ...base, state: 'ok', found }
  return { ...base, state: 'bad', found, mend: asRoot(`echo ${needed} > /proc/sys/vm/nr_hugepages`) }
}

/** `64 KiB`, `16 MiB`. */
export function sizeText(bytes: number): string {
  if (!Number.isFinite(bytes)) return 'unlimited'
  return bytes >= KIB * KIB && bytes % (KIB * KIB) === 0 ? `${bytes / KIB / KIB} MiB` : `${Math.floor(bytes / KIB)} KiB`
}
