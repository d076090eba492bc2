/**
 * Streams frames from a device through an AVStream capture pin into queued buffers, and looks whether every byte arrived.
 * In a project of yours the imports are from 'probar' and 'probar/testing'.
 */
import { CapturePin, MEMORY_CACHING_TYPE, NT_SUCCESS, openSession, physicalAddress } from '../src/index.ts'
import { orderPattern } from '../src/testing.ts'

/** Bytes of the frames that the device captures, one after the other. */
const SIZES = [8192, 5001, 1, 0, 4097]
/** What the client queues for each of them: the device leaves the tail as it was. */
const EXTENT = 8192
const UNTOUCHED = 0xee
const [ZERO, ANYWHERE] = [physicalAddress(0n), physicalAddress(0xffff_ffff_ffff_ffffn)]

type Print = (line: string) => void

/** Resolves with the number of frames that are not as the device captured them. */
export async function main(device: string, print: Print = console.log): Promise<number> {
  await using session = await openSession({ device })
  const { ddi, kernel, engine } = session
  if (engine === undefined) throw new Error(`the profile ${session.profile.name} names no DMA engine`)
  // The driver: it locks and clones what is queued, and hands the device one descriptor for each entry of the KSMAPPING table.
  const pin = CapturePin.open({ ddi, kernel, engine, device: session.device })
  // The client: pages that lie apart, one IRP a frame.
  const buffers = SIZES.map(() => {
    const mdl = ddi.mm.MmAllocatePagesForMdlEx(ZERO, ANYWHERE, ZERO, EXTENT, MEMORY_CACHING_TYPE.MmCached, 0)
    const view = mdl && ddi.mm.MmGetSystemAddressForMdlSafe(mdl, 16)
    if (mdl === null || view === null) throw new Error('there is no memory for the frames')
    kernel.memory.fill(view, EXTENT, UNTOUCHED)
    const irp = ddi.ks.queueFrames(pin.pin, [{ Mdl: mdl, FrameExtent: EXTENT }], () => undefined)
    return { mdl, view, irp }
  })
  const frames = SIZES.map((size, number) => orderPattern(size, number))
  const left = [...frames]
  await pin.run({ next: () => left.shift() })
  let wrong = 0
  for (const [number, { view, irp }] of buffers.entries()) {
    const expected = new Uint8Array(EXTENT).fill(UNTOUCHED)
    expected.set(frames[number] ?? [])
    const used = irp.headers[0]?.DataUsed
    const at = kernel.memory.compare(view, expected)
    const right = at === -1 && used === SIZES[number] && NT_SUCCESS(irp.IoStatus.Status)
    print(`frame ${number}: ${used} of ${SIZES[number]} bytes${at === -1 ? '' : `, and byte ${at} is wrong`}`)
    if (!right) wrong++
  }
  await pin.close()
  for (const { mdl } of buffers) {
    ddi.mm.MmFreePagesFromMdl(mdl)
    ddi.mm.ExFreePool(mdl)
  }
  print(`${SIZES.length - wrong} of ${SIZES.length} frames arrived whole, ${pin.dropped} were dropped`)
  return wrong
}

if (process.argv[1] === import.meta.filename) {
  process.exitCode = (await main(process.argv[2] ?? 'loopback:edu')) === 0 ? 0 : 1
}
