import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { TakingPlaces } from './places.ts'

/** Who has a group. */
export const holderSchema = z.object({
  pid: z.number().int().positive(),
  /** What it does with it, as in `probar run --suite dxgk`. */
  purpose: z.string(),
  /** ISO 8601, in UTC. */
  startedAt: z.string(),
  /** Of the kernel that it runs under. */
  bootId: z.string(),
})
export type Holder = z.infer<typeof holderSchema>

/** This process as a holder. @param purpose as in `probar run --suite dxgk` */
export function thisProcess(purpose: string, places: Pick<TakingPlaces, 'bootIdFile' | 'now'>): Holder {
  return { pid: process.pid, purpose, startedAt: places.now().toISOString(), bootId: bootId(places) }
}

/** A text that changes with every boot. */
export function bootId({ bootIdFile }: Pick<TakingPlaces, 'bootIdFile'>): string {
  return readFileSync(bootIdFile, 'utf8').trim()
}

/** @returns undefined for what is no holder: an empty file, or one that is being written right now */
export function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** In words, for whoever has to wait. Others may write into a lease, so nothing of it reaches a terminal but text. */
export function told(holder: Holder | undefined): string {
  if (holder === undefined) return 'another process'
  const plain = (text: string): string => text.replace(/\p{C}/gu, '?').slice(0, 200)
  return `pid ${holder.pid} (${plain(holder.purpose)}) since ${plain(holder.startedAt)}`
}
