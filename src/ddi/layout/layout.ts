/**
 * Layouts as data: where each member of a Windows structure lies and how wide it is. One table serves the structures
 * in use (x64) and the layout rules; x86 stands beside it as a table only.
 */
export type FieldType = 'u8' | 'u16' | 'u32' | 'u64'

export interface Field<Type extends FieldType = FieldType> {
  /** Bytes from the structure's start. */
  readonly offset: number
  readonly type: Type
}

export interface Layout {
  readonly name: string
  /** sizeof, in bytes. */
  readonly size: number
  /** Natural alignment in bytes. */
  readonly align: number
  readonly fields: Readonly<Record<string, Field>>
}

export const u8 = (offset: number): Field<'u8'> => ({ offset, type: 'u8' })
export const u16 = (offset: number): Field<'u16'> => ({ offset, type: 'u16' })
export const u32 = (offset: number): Field<'u32'> => ({ offset, type: 'u32' })
/** 64-bit integers and, on x64, pointers. */
export const u64 = (offset: number): Field<'u64'> => ({ offset, type: 'u64' })

export const WIDTHS: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 }
