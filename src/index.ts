/** What a lab's own program or test needs; the command line goes through it too (docs/ARCHITECTURE.md). */
export {
  type BusAddress,
  type Pfn,
  type PhysicalAddress,
  type Va,
  busAddress,
  pfn,
  physicalAddress,
  va,
} from './base/address.ts'
export { type ErrorCode, BugCheck, NtStatusError, OsError, ProbarError, codeOf } from './base/errors.ts'
export { NT_SUCCESS, NtStatus } from './base/ntstatus.ts'
export { PAGE_SIZE } from './base/pages.ts'
export type * from './device/contract.ts'
export { RegisterProgramError } from './device/register-program/outcome.ts'
export {
  type PollOptions,
  type RegisterProgram,
  type RegisterProgramBuilder,
  registerProgram,
} from './device/register-program/program.ts'
export { type Segment, Segments } from './device/segments.ts'
export type { DmaEngine, EngineAbilities, EngineOptions } from './engine/contract.ts'
export type * from './engine/cyclic.ts'
export * from './ddi/constants.ts'
export { DEVICE_DESCRIPTION } from './ddi/layout/x64.ts'
export { KEvent } from './ddi/kernel/event.ts'
export type { WaveFormat } from './ddi/portcls/data-format.ts'
export {
  type IMiniportWaveRT,
  type IMiniportWaveRTStream,
  type IMiniportWaveRTStreamNotification,
  type IPortWaveRTStream,
  KSSTATE,
} from './ddi/portcls/interfaces.ts'
export type { WaveRTPin } from './ddi/portcls/wave-rt-pin.ts'
export { CapturePin } from './miniport/capture/capture-pin.ts'
export type { CaptureParts, FrameSource } from './miniport/capture/parts.ts'
export { WaveRTMiniport } from './miniport/wave-rt/miniport.ts'
export {
  type Mdl,
  ADDRESS_AND_SIZE_TO_SPAN_PAGES,
  MmGetMdlByteCount,
  MmGetMdlByteOffset,
  MmGetMdlPfnArray,
  MmGetMdlVirtualAddress,
  MmSizeOfMdl,
} from './ddi/mm/mdl.ts'
export { type Profile } from './profile/schema.ts'
export { loadProfile } from './profile/load.ts'
export { type CaseRecord, type RunRecord, type Verdict, type Witness } from './record/schema.ts'
export { exitStatusOf } from './record/outcome.ts'
export { parseRecord, readRecord } from './record/read.ts'
export { type DiagnoseOptions, type Diagnosis, diagnose } from './session/machine/diagnose.ts'
export type { Finding, Mend, State } from './host/linux/doctor/finding.ts'
export { type InspectedDevice, inspectDevice, inspectDump } from './session/machine/inspect.ts'
export { type ListedDevice, listDevices } from './session/machine/list-devices.ts'
export { type Repaired, repairDevices } from './session/machine/repair-devices.ts'
export {
  type BoundFunction,
  type TakingOptions,
  type UnboundFunction,
  bindDevice,
  unbindDevice,
} from './session/machine/take-device.ts'
export { type SessionOptions, openSession } from './session/open.ts'
export { type Session } from './session/session.ts'
export { provenRules } from './spec/coverage.ts'
export { allCases } from './suite/all-cases.ts'
export { type RunFacts, type RunObserver, type RunOptions, runSuite } from './suite/run.ts'
export { selectCases } from './suite/select.ts'
export { runFacts } from './cli/run/facts.ts'
