import { checkCount } from '../../native/check.ts'

/**
 * A parameter that is a ULONG. No driver can pass anything else; a program can.
 * @throws ProbarError range-outside
 */
export const ulong = (value: number, name: string): number => checkCount(value, name, 0xffff_ffff)
