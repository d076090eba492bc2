/**
 * Registers of a High Definition Audio controller in BAR 0, by the High Definition Audio Specification 1.0a, section 3.3.
 * Offsets in bytes; each is accessed with its own width, for a controller need not answer for its neighbour.
 */
export const Register = {
  /** 16 bits, RO: GCAP (3.3.2). */
  globalCapabilities: 0x00,
  /** 32 bits: GCTL (3.3.7). */
  globalControl: 0x08,
  /** 16 bits, write 1 to clear: STATESTS, a bit for each codec that asked for attention (3.3.9). */
  stateChangeStatus: 0x0e,
  /** 32 bits: INTCTL (3.3.14). */
  interruptControl: 0x20,
  /** 32 bits, RO: INTSTS (3.3.15). */
  interruptStatus: 0x24,
  /** 32 bits, RO: WALCLK (3.3.16). */
  wallClock: 0x30,
  /** 32 bits: CORBLBASE, CORBUBASE (3.3.18, 3.3.19). */
  commandLower: 0x40,
  commandUpper: 0x44,
  /** 16 bits: CORBWP, CORBRP (3.3.20, 3.3.21). */
  commandWritePointer: 0x48,
  commandReadPointer: 0x4a,
  /** 8 bits: CORBCTL, CORBSIZE (3.3.22, 3.3.24). */
  commandControl: 0x4c,
  commandSize: 0x4e,
  /** 32 bits: RIRBLBASE, RIRBUBASE (3.3.25, 3.3.26). */
  responseLower: 0x50,
  responseUpper: 0x54,
  /** 16 bits: RIRBWP, RINTCNT (3.3.27, 3.3.28). */
  responseWritePointer: 0x58,
  responseInterruptCount: 0x5a,
  /** 8 bits: RIRBCTL, RIRBSTS, RIRBSIZE (3.3.29 to 3.3.31). */
  responseControl: 0x5c,
  responseStatus: 0x5d,
  responseSize: 0x5e,
  /** 32 bits: ICOI, ICII; 16 bits: ICIS (3.4). A controller may lack them. */
  immediateCommand: 0x60,
  immediateResponse: 0x64,
  immediateStatus: 0x68,
  /** 32 bits: DPIBLBASE, DPIBUBASE (3.3.32, 3.3.33). */
  positionLower: 0x70,
  positionUpper: 0x74,
} as const

/** Bits of GCTL. */
export const GlobalControl = { running: 0x1 } as const

/** Bits of INTCTL; below them, one for each stream descriptor. */
export const InterruptControl = { global: 0x8000_0000 } as const

/** Bits of CORBCTL and of the pointers' and sizes' registers. */
export const CommandRing = { run: 0x02, resetReadPointer: 0x8000 } as const

/** Bits of RIRBCTL and RIRBSTS. */
export const ResponseRing = {
  interrupt: 0x01,
  run: 0x02,
  resetWritePointer: 0x8000,
  arrived: 0x01,
  overrun: 0x04,
} as const

/** Bits of ICIS (3.4.3). */
export const ImmediateStatus = { busy: 0x1, valid: 0x2 } as const

/** Bits of DPIBLBASE. */
export const PositionBuffer = { enable: 0x1 } as const

/** Registers of a stream descriptor, from its start (3.3.35 to 3.3.43). */
export const StreamRegister = {
  /** 8 bits: the low byte of SDnCTL. */
  control: 0x00,
  /** 8 bits: its high byte, which holds the stream's number in bits 7:4. */
  number: 0x02,
  /** 8 bits, write 1 to clear: SDnSTS. */
  status: 0x03,
  /** 32 bits, RO: SDnLPIB. */
  linkPosition: 0x04,
  /** 32 bits: SDnCBL. */
  bufferLength: 0x08,
  /** 16 bits: SDnLVI. */
  lastIndex: 0x0c,
  /** 16 bits, RO: SDnFIFOS. */
  fifoSize: 0x10,
  /** 16 bits: SDnFMT. */
  format: 0x12,
  /** 32 bits: SDnBDPL, SDnBDPU. */
  listLower: 0x18,
  listUpper: 0x1c,
} as const

/** Bits of the low byte of SDnCTL (3.3.35). */
export const StreamControl = { reset: 0x01, run: 0x02, completion: 0x04, fifoError: 0x08, listError: 0x10 } as const

/** Bits of the high byte of SDnCTL, below the stream's number. */
export const StreamNumber = { output: 0x08 } as const

/** Bits of SDnSTS (3.3.36). */
export const StreamStatus = { completed: 0x04, fifoError: 0x08, listError: 0x10 } as const

const FIRST_STREAM = 0x80
const STREAM_BYTES = 0x20

/** Where the registers of a stream descriptor begin. */
export const streamAt = (index: number): number => FIRST_STREAM + index * STREAM_BYTES

/** Of the bus addresses in the registers and in descriptors, 3.6. */
export const ALIGNMENT = 128
/** Of WALCLK, section 3.3.16. */
export const WALL_CLOCK_HZ = 24_000_000n
