import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { BlockRange } from './protocol/commands.ts'
import type { NamespaceData } from './protocol/identify.ts'

/** Blocks that a profile gives away: whatever is in them is lost. */
export interface Scratch {
  readonly namespace: number
  readonly firstBlock: number
  readonly blocks: number
}

/** The part of the scratch blocks that a channel has for itself; no other block is ever named to the controller. */
export class ScratchPart {
  readonly blockSize: number
  readonly #namespace: number
  readonly #first: number
  readonly #blocks: number

  /**
   * @param maxTransfer bytes for which each channel needs blocks
   * @throws ProbarError profile-invalid for a range that the namespace does not have, or that is too short;
   *   capability-missing for a format that the engine cannot handle
   */
  constructor(scratch: Scratch, data: NamespaceData, share: Share) {
    checkFormat(scratch, data)
    checkRange(scratch, data, share)
    this.blockSize = data.blockSize
    this.#namespace = scratch.namespace
    this.#blocks = Math.floor(scratch.blocks / share.channels)
    this.#first = scratch.firstBlock + share.channel * this.#blocks
  }

  /** The blocks from a byte of the part on, enough for `bytes`. @throws ProbarError internal for a range outside of it */
  range(offset: number, bytes: number): BlockRange {
    const [skipped, count] = [offset / this.blockSize, Math.ceil(bytes / this.blockSize)]
    if (!Number.isInteger(skipped) || skipped < 0 || count < 1 || skipped + count > this.#blocks) {
      throw new ProbarError(
        'internal',
        `bytes ${offset} to ${offset + bytes} are not within ${this.#blocks} scratch blocks`,
      )
    }
    return { namespace: this.#namespace, first: this.#first + skipped, count }
  }
}

export interface Share {
  readonly channel: number
  readonly channels: number
  readonly maxTransfer: number
}

function checkFormat({ namespace }: Scratch, { blocks, blockSize, metadata, protection }: NamespaceData): void {
  const where = `namespace ${namespace} of the controller`
  if (blocks === 0n) throw new ProbarError('profile-invalid', `dma.scratch names ${where}, which it does not have`)
  const problem =
    blockSize < 512 || blockSize > PAGE_SIZE
      ? `has blocks of ${blockSize} bytes, not of 512 to ${PAGE_SIZE}`
      : metadata !== 0 || protection !== 0
        ? 'keeps metadata with its blocks'
        : undefined
  if (problem !== undefined) throw new ProbarError('capability-missing', `${where} ${problem}: format it otherwise`)
}

function checkRange(scratch: Scratch, { blocks, blockSize }: NamespaceData, { channels, maxTransfer }: Share): void {
  const last = BigInt(scratch.firstBlock) + BigInt(scratch.blocks)
  if (last > blocks) {
    const text = `dma.scratch ends before block ${last}, but namespace ${scratch.namespace} has ${blocks} blocks`
    throw new ProbarError('profile-invalid', text)
  }
  if (maxTransfer % blockSize !== 0) {
    const text = `dma.maxTransfer is ${maxTransfer}, no multiple of the ${blockSize} bytes of a block`
    throw new ProbarError('profile-invalid', text)
  }
  const needed = (channels * maxTransfer) / blockSize
  if (scratch.blocks >= needed) return
  const why = `${channels} channels need so many for ${maxTransfer} bytes each (dma.maxTransfer)`
  throw new ProbarError('profile-invalid', `dma.scratch has ${scratch.blocks} blocks, not ${needed}: ${why}`)
}
