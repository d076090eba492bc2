import { ConfigOffset, HeaderType, Status, headerType } from '../config.ts'
import { readUnsigned } from '../register.ts'
import { type Chain, type Stop, follow, place } from './chain.ts'

/** Capabilities stand behind the header (PCIe 7.5.1.1.11: the capabilities pointer, 7.5.3.1: id and next pointer). */
const LOWEST = 0x40
/** A CardBus bridge's header has its pointer elsewhere (PC Card Standard 8.0, volume 7, 4.5.2). */
const CARDBUS_POINTER = 0x14

/** The capabilities in the first 256 bytes. @param bytes of config space, as many as there are */
export function walkCapabilities(bytes: Uint8Array): Chain {
  const status = readUnsigned(bytes, ConfigOffset.status, 2) ?? 0
  const pointer = headerType(bytes) === HeaderType.cardbus ? CARDBUS_POINTER : ConfigOffset.capabilities
  if ((status & Status.capabilityList) === 0) return { links: [], problems: [] }
  return follow(bytes[pointer] ?? 0, { lowest: LOWEST, pointer, at: (offset) => stopAt(bytes, offset) })
}

function stopAt(bytes: Uint8Array, offset: number): Stop {
  const [id, next] = [bytes[offset], bytes[offset + 1]]
  if (id === undefined || next === undefined) {
    const text = `the capabilities go on at ${place(offset)}, but only ${bytes.length} bytes of config space are at hand`
    return { problem: { kind: 'truncated', offset, text } }
  }
  if (id === 0xff && next === 0xff) {
    return { problem: { kind: 'unreadable', offset, text: `the capability at ${place(offset)} reads as all ones` } }
  }
  return { link: { offset, id }, next }
}
