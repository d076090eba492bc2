/*
 * Defects that can be planted into the loopback, below everything that is tested, to show that a check is able to fail.
 * The names are part of device references (`loopback:edu?fault=NAME`).
 */

/** Of edu's registers, transfers and pin. */
export const eduFaults = {
  'ident-wrong': 'the identification register holds another constant',
  'liveness-stuck': 'the liveness register reads 0 whatever was written',
  'factorial-wrong': 'the factorial register reads one too many',
  'factorial-never-ends': 'the status register says for ever that a factorial is being computed',
  'register-write-lost': '4-byte writes below 0x60 do nothing',
  'register-high-half-lost': '8-byte writes lose their upper 32 bits',
  'register-narrow-answered': 'accesses of 1 and 2 bytes are answered with part of the register',
  'interrupt-status-lost': 'the interrupt status register reads 0',
  'interrupt-acknowledge-lost': 'an acknowledgement clears nothing',
  'reset-clears-registers': 'a reset clears the liveness register',
  'dma-never-completes': 'the start bit of a transfer never clears',
  'dma-done-early': 'the start bit reads as clear before any byte has moved',
  'clamp-missing': 'addresses are not cut to the DMA mask',
  'irq-at-completion-lost': 'the end of a transfer raises no interrupt',
  'pin-never-masked': 'a pin that is active is told of again and again',
  'mask-ignored': 'masking the pin does nothing',
  'unmask-lost': 'a masked pin stays masked',
} as const

/** Of what stands around every model. */
export const commonFaults = {
  'reset-fails': 'a reset ends in an error of the system',
  'reset-keeps-bus-master': 'a reset leaves bus mastering on',
  // BAR and config space
  'bar-size-wrong': 'BAR 0 claims twice its size',
  'bar-offset-ignored': 'a view of BAR 0 shows its start, whatever offset was asked for',
  'bar-view-detached': 'accesses through a view of BAR 0 never reach the device',
  'config-ids-wrong': 'the device id in config space is not that of the identity',
  'config-write-lost': 'writes to config space do nothing',
  'decode-ignored': 'BAR 0 answers although memory decode is off',
  'bus-master-left-on': 'the device opens with bus mastering on',
  'close-ignored': 'the device still answers after it was closed',
  // transfers
  'dma-drops-last-byte': 'the last byte of a transfer does not move',
  'dma-writes-one-byte-too-many': 'a write goes on for one byte past its end',
  'dma-writes-before': 'a write begins one byte before its start',
  'dma-shifts-by-one': 'data land one byte further on',
  'dma-swaps-bytes': 'a write exchanges neighbouring bytes',
  'dma-stops-at-page-end': 'a transfer ends with the first page that it touches',
  'dma-ignores-length-above-2048': 'bytes beyond the first 2048 of a transfer do not move',
  'dma-writes-lost': 'the device never writes memory',
  'dma-reads-zeros': 'the device receives zeros',
  'dma-wrong-page': 'every access reaches the frame behind the right one',
  'dma-page-offset-lost': 'every access begins at the start of its page',
  'bus-master-ignored': 'the device moves bytes although bus mastering is off',
  // interrupts
  'irq-lost': 'no interrupt of the device arrives',
  'irq-twice': 'each interrupt of the device arrives twice',
  'irq-spurious': 'an interrupt arrives as soon as they are enabled',
  'trigger-twice': 'an interrupt raised by the platform arrives twice',
  'vector-shared': 'an interrupt of any vector counts for the first one too',
  'notice-lost': 'the platform never says that it wants the device back',
  'notice-wakes-nobody': 'a notice leaves alone what waits for an interrupt',
  'trigger-lost': 'an interrupt raised by the platform does not arrive',
  // IOMMU
  'iommu-keeps-translation': 'the device still reaches what was unmapped',
  'iommu-ignores-permissions': 'the device may read and write whatever is mapped',
  'iommu-identity': 'an unmapped bus address reaches the frame at that offset of the memory',
  'iommu-wrong-fault-address': 'a fault names the page behind the one that was touched',
  'iommu-wrong-fault-direction': 'a fault calls a write a read, and a read a write',
  'iommu-loses-faults': 'no fault is reported',
  'iommu-accepts-overlap': 'a mapping over another one is not refused',
  'iommu-refusal-leaks': 'what was mapped before a refusal cannot be taken back',
  'unmap-short': 'unmapping reports one page less than was mapped',
  // bus addresses
  'aperture-unchecked': 'bus addresses outside the apertures are accepted',
  'placement-ignored': 'every mapping is joined, at a place of its own choice',
  'segments-unmerged': 'each page is a segment, adjacent or not',
  'segments-short': 'the last segment is a page short',
} as const

/** Of the lists, channels and streams of sg. */
export const sgFaults = {
  // lists
  'list-swaps-addresses': 'neighbours among the descriptors of a list exchange their bus addresses',
  'list-skips-descriptor': 'every second descriptor is passed over, and the one before it done again',
  'list-ring-too-short': 'a ring has no more than its first eight descriptors, used again and again',
  'list-busy-for-ever': 'the status says for ever that a list is worked on',
  'list-idle-always': 'the status says of a list that is worked on that it is not',
  'list-interrupt-lost': 'the end of a list does not interrupt',
  // channels
  'channels-share-memory': 'the second channel uses the device memory of the first',
  'channels-take-turns': 'the second channel waits until the first is idle',
  'channels-share-vector': 'every channel interrupts by the vector of the first',
  'abort-lost': 'an abort does nothing, nor does a reset of the channel: lists run to their end',
  'abort-lies': 'an aborted list is idle in the status, and goes on nevertheless',
  // streams
  'position-stuck': 'the position register reads 0',
  'position-ahead': 'the position register is 4096 bytes ahead of what has moved',
  'position-unwrapped': 'the position register counts on behind the end of the buffer',
  'stream-runs-early': 'a stream runs as soon as it has its mode',
  'stream-runs-on': 'a stream that is stopped runs on',
  'stream-loses-position': 'a stream that is stopped is rewound, too',
  'stream-keeps-position': 'a stream that is rewound goes on where it was',
  'stream-stays-in-first-segment': 'every turn of a stream is through its first segment only',
  'stream-shifts-by-one': 'each byte of the stream is moved one further on',
  'notification-lost': 'the end of a flagged descriptor of a stream does not interrupt',
  'notification-everywhere': 'the end of each descriptor of a stream interrupts, flagged or not',
  'notification-in-pause': 'stopping a stream interrupts',
  'tap-empty': 'what an output stream received is not kept',
  'clock-stuck': 'the clock register reads 0',
} as const

/** All that there are. */
export const loopbackFaults = { ...eduFaults, ...commonFaults, ...sgFaults } as const

export type LoopbackFault = keyof typeof loopbackFaults
export type Defects = ReadonlySet<LoopbackFault>

/** Those that can be planted into a model, with what each does. */
export const faultsOf = {
  edu: { ...eduFaults, ...commonFaults },
  sg: { ...commonFaults, ...sgFaults },
} as const satisfies Record<string, Partial<Record<LoopbackFault, string>>>
