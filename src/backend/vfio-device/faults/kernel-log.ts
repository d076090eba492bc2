import { closeSync, constants, openSync, readSync } from 'node:fs'
import { OsError } from '../../../base/errors.ts'
import { systemErrorCode } from '../../../base/system-error.ts'

const RECORD_BYTES = 8192

/** The kernel's log from now on, one record a read (kernel: Documentation/ABI/testing/dev-kmsg). */
export class KernelLog implements Disposable {
  readonly #descriptor: number
  /** True once the kernel overwrote records before they were read. */
  lost = false
  #open = true

  /** @throws OsError permission-denied */
  constructor(path = '/dev/kmsg') {
    try {
      this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (error) {
      const text = `${path} cannot be read, so IOMMU faults cannot be seen; run as root`
      throw new OsError('permission-denied', text, 0, 'open', { cause: error })
    }
    while (this.next() !== undefined);
    this.lost = false
  }

  /** The text of the next record, or undefined when there is none yet. */
  next(): string | undefined {
    const buffer = Buffer.alloc(RECORD_BYTES)
    for (;;) {
      try {
        const length = readSync(this.#descriptor, buffer)
        if (length === 0) return undefined
        const record = buffer.toString('utf8', 0, length)
        return record.slice(record.indexOf(';') + 1).trimEnd()
      } catch (error) {
        const code = systemErrorCode(error)
        if (code === 'EAGAIN') return undefined
        if (code !== 'EPIPE') throw error
        this.lost = true
      }
    }
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    closeSync(this.#descriptor)
  }
}
