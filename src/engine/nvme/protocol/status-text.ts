/** NVM Express Base Specification 1.4, section 4.6.1.2.1 (figures 126 and 127). */
const GENERIC: Readonly<Record<number, string>> = {
  0x00: 'Successful Completion',
  0x01: 'Invalid Command Opcode',
  0x02: 'Invalid Field in Command',
  0x03: 'Command ID Conflict',
  0x04: 'Data Transfer Error',
  0x05: 'Commands Aborted due to Power Loss Notification',
  0x06: 'Internal Error',
  0x07: 'Command Abort Requested',
  0x08: 'Command Aborted due to SQ Deletion',
  0x0b: 'Invalid Namespace or Format',
  0x0c: 'Command Sequence Error',
  0x0d: 'Invalid SGL Segment Descriptor',
  0x0e: 'Invalid Number of SGL Descriptors',
  0x0f: 'Data SGL Length Invalid',
  0x10: 'Metadata SGL Length Invalid',
  0x11: 'SGL Descriptor Type Invalid',
  0x13: 'PRP Offset Invalid',
  0x15: 'Operation Denied',
  0x16: 'SGL Offset Invalid',
  0x1c: 'Sanitize Failed',
  0x1d: 'Sanitize In Progress',
  0x1e: 'SGL Data Block Granularity Invalid',
  0x20: 'Namespace is Write Protected',
  0x21: 'Command Interrupted',
  0x22: 'Transient Transport Error',
  0x80: 'LBA Out of Range',
  0x81: 'Capacity Exceeded',
  0x82: 'Namespace Not Ready',
  0x83: 'Reservation Conflict',
  0x84: 'Format In Progress',
}

/** Section 4.6.1.2.2 (figures 128 and 129). */
const SPECIFIC: Readonly<Record<number, string>> = {
  0x00: 'Completion Queue Invalid',
  0x01: 'Invalid Queue Identifier',
  0x02: 'Invalid Queue Size',
  0x03: 'Abort Command Limit Exceeded',
  0x08: 'Invalid Interrupt Vector',
  0x09: 'Invalid Log Page',
  0x0a: 'Invalid Format',
  0x0c: 'Invalid Queue Deletion',
  0x0e: 'Feature Not Changeable',
  0x80: 'Conflicting Attributes',
  0x81: 'Invalid Protection Information',
  0x82: 'Attempted Write to Read Only Range',
}

/** Section 4.6.1.2.3 (figures 130 and 131). */
const MEDIA: Readonly<Record<number, string>> = {
  0x80: 'Write Fault',
  0x81: 'Unrecovered Read Error',
  0x82: 'End-to-end Guard Check Error',
  0x83: 'End-to-end Application Tag Check Error',
  0x84: 'End-to-end Reference Tag Check Error',
  0x86: 'Access Denied',
  0x87: 'Deallocated or Unwritten Logical Block',
}

const TYPES: Readonly<Record<number, { readonly name: string; readonly texts: Readonly<Record<number, string>> }>> = {
  0: { name: 'a generic status', texts: GENERIC },
  1: { name: 'a status of the command', texts: SPECIFIC },
  2: { name: 'a media or data integrity error', texts: MEDIA },
  3: { name: 'a status of the path', texts: {} },
  7: { name: 'a status of the vendor', texts: {} },
}

/** The specification's name of a status, or at least that of its type. */
export function statusText(type: number, code: number): string {
  const known = TYPES[type]
  return known?.texts[code] ?? known?.name ?? 'a reserved status'
}
