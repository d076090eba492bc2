import type { Width } from '../../../device/register-access.ts'

/** What answers to accesses: a model's registers. Values are unsigned and fit the width. */
export interface RegisterFile {
  read(offset: number, width: Width): bigint
  write(offset: number, width: Width, value: bigint): void
}
