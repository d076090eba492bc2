/**
 * Plays 440 Hz from a WaveRT buffer, through which a sound controller walks round and round by itself.
 * In a project of yours the import is from 'probar' instead of '../src/index.ts'.
 */
import * as probar from '../src/index.ts'

const FORMAT = { rate: 48_000, channels: 2, bits: 16 } as const
/** 100 ms: 44 periods of the tone, so that the end meets the start. */
const [FRAMES, BYTES] = [4800, 4 * 4800]

/** @param turns through the buffer. Resolves with what it held. */
export async function main(device: string, print: (line: string) => void = console.log, turns = 10) {
  await using session = await probar.openSession({ device })
  const { cyclic, ddi, kernel, profile } = session
  if (cyclic === undefined) throw new Error(`the profile ${profile.name} names no engine that plays buffers`)
  const mdl = ddi.portcls.AllocatePagesForMdl(probar.physicalAddress(0xffff_ffff), BYTES)
  const view = mdl && ddi.portcls.MapAllocatedPages(mdl, probar.MEMORY_CACHING_TYPE.MmWriteCombined)
  if (mdl === null || view === null) throw new Error('there is no memory for the buffer')
  kernel.memory.write(view, tone(440))
  const { segments, put } = mapForDevice(session, mdl)
  const notifyAt = [BYTES / 2, BYTES]
  const stream = await cyclic.open({ direction: 'output', segments, format: FORMAT, notifyAt })
  await stream.run()
  for (let halves = 0; halves < 2 * turns;) {
    halves = await stream.notified(halves)
    print(`half ${halves} is read, the position is ${stream.position()}`)
  }
  stream.close()
  put()
  const held = kernel.memory.read(view, BYTES)
  ddi.portcls.UnmapAllocatedPages(view, mdl)
  ddi.portcls.FreePagesFromMdl(mdl)
  return held
}

/** A sine at half of the full volume, the same on both channels. */
function tone(hertz: number): Uint8Array {
  const sample = (frame: number): number => Math.round(16_384 * Math.sin((2 * Math.PI * hertz * frame) / FORMAT.rate))
  return new Uint8Array(Int16Array.from({ length: 2 * FRAMES }, (_, index) => sample(index >> 1)).buffer)
}

/** The device uses the addresses that its DMA adapter gives, never those of the pages. */
function mapForDevice({ ddi, kernel }: probar.Session, mdl: probar.Mdl) {
  const description = kernel.pool.allocateStruct(probar.DEVICE_DESCRIPTION)
  const members = { Version: 2, Master: 1, ScatterGather: 1, Dma64BitAddresses: 1, MaximumLength: BYTES } as const
  for (const name of Object.keys(members) as (keyof typeof members)[]) description.set(name, members[name])
  const adapter = ddi.dma.IoGetDmaAdapter(undefined, description, {})
  kernel.pool.free(description.address)
  const mapped = { segments: probar.Segments.of([]), put: (): void => undefined }
  const start = probar.MmGetMdlVirtualAddress(mdl)
  const dispatch = (act: () => void): void => kernel.at(probar.KIRQL.DISPATCH_LEVEL, act)
  const take: probar.DRIVER_LIST_CONTROL = (_device, _irp, list) => {
    mapped.segments = list.segments()
    mapped.put = () => dispatch(() => adapter?.PutScatterGatherList(list, true))
  }
  dispatch(() => adapter?.GetScatterGatherList(undefined, mdl, start, BYTES, take, undefined, true))
  return mapped
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? 'vfio:0000:01:00.0')
