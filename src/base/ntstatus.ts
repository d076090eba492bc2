/** NTSTATUS values that Probar's routines return or raise (ntstatus.h). Unsigned. */
export const NtStatus = {
  STATUS_SUCCESS: 0x0000_0000,
  STATUS_PENDING: 0x0000_0103,
  STATUS_UNSUCCESSFUL: 0xc000_0001,
  STATUS_ACCESS_VIOLATION: 0xc000_0005,
  STATUS_INVALID_HANDLE: 0xc000_0008,
  STATUS_INVALID_PARAMETER: 0xc000_000d,
  STATUS_NO_MEMORY: 0xc000_0017,
  STATUS_CONFLICTING_ADDRESSES: 0xc000_0018,
  STATUS_BUFFER_TOO_SMALL: 0xc000_0023,
  STATUS_INSUFFICIENT_RESOURCES: 0xc000_009a,
  STATUS_DEVICE_NOT_READY: 0xc000_00a3,
  STATUS_NOT_SUPPORTED: 0xc000_00bb,
  STATUS_INVALID_ADDRESS: 0xc000_0141,
} as const
export type NtStatus = number

/** The NT_SUCCESS macro: the two top bits are not "error" or "warning". */
export const NT_SUCCESS = (status: NtStatus): boolean => status < 0x8000_0000
