/**
 * Lets a device write through a scatter/gather list into pages that lie apart, and looks whether every byte arrived.
 * In a project of yours the imports are from 'probar' and 'probar/testing'.
 */
import { openSession } from '../src/index.ts'
import { orderPattern } from '../src/testing.ts'

const PAGE = 4096
const PAGES = 3

type Print = (line: string) => void

/** Resolves with the offset of the first wrong byte, or -1 when all are right. */
export async function main(device: string, print: Print = console.log): Promise<number> {
  await using session = await openSession({ device })
  const { engine, frames } = session
  if (engine === undefined) throw new Error(`the profile ${session.profile.name} names no DMA engine`)
  // Frames are named by their index in one linear home view: frame i is the page at i * 4096.
  const indices = frames.allocate({ count: PAGES })
  frames.zero(indices)
  // From here to unmap() the device may write these pages, and nothing else, at the bus addresses in `segments`.
  const mapping = session.device.dma.map({ memory: frames, indices }, 'write')
  for (const { bus, length } of mapping.segments) print(`${length} bytes at bus address 0x${bus.toString(16)}`)
  const pattern = orderPattern(PAGES * PAGE)
  await engine.write(mapping.segments, pattern)
  mapping.unmap()
  const seen = new Uint8Array(pattern.length)
  for (const [at, index] of indices.entries()) seen.set(frames.read(index * PAGE, PAGE), at * PAGE)
  frames.free(indices)
  const wrong = seen.findIndex((byte, at) => byte !== pattern[at])
  print(wrong === -1 ? `all ${seen.length} bytes arrived` : `byte ${wrong} is ${seen[wrong]}, not ${pattern[wrong]}`)
  return wrong
}

if (process.argv[1] === import.meta.filename) {
  process.exitCode = (await main(process.argv[2] ?? 'loopback:edu')) === -1 ? 0 : 1
}
