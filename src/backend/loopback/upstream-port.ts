import { busAddress } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { BusMaster, Refused } from './model/model.ts'
import type { FaultSink } from './faults.ts'
import { type Direction, type Iommu, pageOf, type Translation } from './iommu.ts'

/** The PCI address that the modelled function has in fault reports. */
export const REQUESTER = '0000:00:05.0'

export interface PortWiring {
  readonly iommu: Iommu
  readonly faults: FaultSink
  /** The bus master bit of the command register. Without it the function's requests go nowhere, and nobody reports that. */
  readonly mastering: () => boolean
}

interface Piece {
  /** Bus page number. */
  readonly page: number
  /** Within the page. */
  readonly offset: number
  readonly length: number
  /** Bytes of the transfer before this piece. */
  readonly done: number
}

/** The device's way to memory: each page of a transfer is translated by itself, and refused by itself. */
export class UpstreamPort implements BusMaster {
  readonly #wiring: PortWiring

  constructor(wiring: PortWiring) {
    this.#wiring = wiring
  }

  read(address: bigint, length: number, refused: Refused = ignored): Uint8Array {
    const bytes = new Uint8Array(length)
    const tell = once(refused)
    for (const piece of pieces(address, length)) {
      const target = this.#reach(piece, 'read')
      if (target?.reached === true)
        bytes.set(target.memory.read(target.offset + piece.offset, piece.length), piece.done)
      else tell(addressOf(piece))
    }
    return bytes
  }

  write(address: bigint, bytes: Uint8Array, refused: Refused = ignored): void {
    const tell = once(refused)
    for (const piece of pieces(address, bytes.length)) {
      const target = this.#reach(piece, 'write')
      if (target?.reached !== true) {
        tell(addressOf(piece))
        continue
      }
      target.memory.write(target.offset + piece.offset, bytes.subarray(piece.done, piece.done + piece.length))
    }
  }

  #reach(piece: Piece, direction: Direction): Translation | undefined {
    if (!this.#wiring.mastering()) return undefined
    const translation = this.#wiring.iommu.translate(piece.page, direction)
    if (!translation.reached) {
      const address = busAddress(BigInt(piece.page) * BigInt(PAGE_SIZE))
      this.#wiring.faults.record({ device: REQUESTER, address, direction, reason: translation.reason })
    }
    return translation
  }
}

const ignored: Refused = () => undefined

const addressOf = ({ page, offset }: Piece): bigint => BigInt(page) * BigInt(PAGE_SIZE) + BigInt(offset)

/** Only the first refusal of an access is told. */
function once(refused: Refused): Refused {
  let told = false
  return (address) => {
    if (!told) refused(address)
    told = true
  }
}

function* pieces(address: bigint, length: number): Generator<Piece> {
  let done = 0
  while (done < length) {
    const at = BigInt.asUintN(64, address + BigInt(done))
    const offset = Number(at % BigInt(PAGE_SIZE))
    const piece = Math.min(PAGE_SIZE - offset, length - done)
    yield { page: pageOf(at), offset, length: piece, done }
    done += piece
  }
}
