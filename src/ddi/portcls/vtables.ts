/**
 * The interfaces of portcls.h as a caller in another language meets them: the vtable's slots in the order of the
 * declarations, behind the three of IUnknown (WRT-001), and what each call passes.
 */
export interface Method {
  readonly name: string
  /**
   * How the result comes back: in the register for integers and pointers, not at all, or in 8 bytes of the caller's whose
   * address is a hidden argument right behind `this`. The latter is what Microsoft's x64 convention does with a union that a
   * C++ member function returns (WRT-002).
   */
  readonly result: 'register' | 'none' | 'hidden-pointer'
  /** Arguments behind `this`, and behind the hidden one. */
  readonly parameters: readonly string[]
}

const method = (name: string, parameters: string, result: Method['result'] = 'register'): Method => ({
  name,
  result,
  parameters: parameters === '' ? [] : parameters.split(' '),
})

const IUNKNOWN = [method('QueryInterface', 'Interface Object'), method('AddRef', ''), method('Release', '')]

/** IID 1809ce5a-64bc-4e62-bd7d-95bce43de393; the index is the slot. */
export const IPORT_WAVE_RT_STREAM: readonly Method[] = [
  ...IUNKNOWN,
  method('AllocatePagesForMdl', 'HighAddress TotalBytes'),
  method('AllocateContiguousPagesForMdl', 'LowAddress HighAddress TotalBytes'),
  method('MapAllocatedPages', 'MemoryDescriptorList CacheType'),
  method('UnmapAllocatedPages', 'BaseAddress MemoryDescriptorList', 'none'),
  method('FreePagesFromMdl', 'MemoryDescriptorList', 'none'),
  method('GetPhysicalPagesCount', 'MemoryDescriptorList'),
  method('GetPhysicalPageAddress', 'MemoryDescriptorList Index', 'hidden-pointer'),
]

/** IID 000ac9ab-faab-4f3d-9455-6ff8306a74a0 */
export const IMINIPORT_WAVE_RT_STREAM: readonly Method[] = [
  ...IUNKNOWN,
  method('SetFormat', 'DataFormat'),
  method('SetState', 'State'),
  method('GetPosition', 'Position'),
  method('AllocateAudioBuffer', 'RequestedSize AudioBufferMdl ActualSize OffsetFromFirstPage CacheType'),
  method('FreeAudioBuffer', 'AudioBufferMdl BufferSize', 'none'),
  method('GetHWLatency', 'hwLatency', 'none'),
  method('GetPositionRegister', 'Register'),
  method('GetClockRegister', 'Register'),
]

/** IID 23759128-96f1-423b-ab4d-81635bcf8ca1 */
export const IMINIPORT_WAVE_RT_STREAM_NOTIFICATION: readonly Method[] = [
  ...IMINIPORT_WAVE_RT_STREAM,
  method(
    'AllocateBufferWithNotification',
    'NotificationCount RequestedSize AudioBufferMdl ActualSize OffsetFromFirstPage CacheType',
  ),
  method('FreeBufferWithNotification', 'AudioBufferMdl BufferSize', 'none'),
  method('RegisterNotificationEvent', 'NotificationEvent'),
  method('UnregisterNotificationEvent', 'NotificationEvent'),
]
