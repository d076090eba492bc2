import type { SystemFiles } from '../system-files.ts'

/** The limit of locked memory in bytes, infinite for none. */
export interface LockedMemory {
  readonly soft: number
  readonly hard: number
  /** CAP_IPC_LOCK, as root has it: the kernel does not ask for the limit. */
  readonly exempt: boolean
}

/** CAP_IPC_LOCK (kernel: include/uapi/linux/capability.h). */
const IPC_LOCK = 14n

/** /proc/self/limits and the effective capabilities in /proc/self/status. */
export function lockedMemory(files: SystemFiles): LockedMemory | undefined {
  const [, soft, hard] = /^Max locked memory\s+(\S+)\s+(\S+)/m.exec(files.text('/proc/self/limits') ?? '') ?? []
  if (soft === undefined || hard === undefined) return undefined
  const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(files.text('/proc/self/status') ?? '')?.[1] ?? '0'
  return { soft: limit(soft), hard: limit(hard), exempt: ((BigInt(`0x${capabilities}`) >> IPC_LOCK) & 1n) === 1n }
}

const limit = (text: string): number => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text))

export interface HugePages {
  /** Free ones of 2 MiB; undefined where the kernel has none of that size. */
  readonly free: number | undefined
}

export function hugePageFacts(files: SystemFiles): HugePages {
  const text = files.text('/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages')?.trim()
  return { free: text === undefined ? undefined : Number(text) }
}
