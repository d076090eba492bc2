import { closeSync, constants, openSync, readdirSync } from 'node:fs'
import { type Clock, sleep } from '../../../base/clock.ts'
import { ProbarError } from '../../../base/errors.ts'
import type { Fault, FaultLog, FaultWatch, WaitOptions } from '../../../device/contract.ts'
import { isSuppressed, parseFault } from './fault-message.ts'
import { KernelLog } from './kernel-log.ts'

/**
 * The kernel prints at most 10 such lines in 5 s, about 3 for each fault, and drops the rest. After this much quiet the
 * next fault is printed for sure (measured, docs/lab.md).
 */
const QUIET_MS = 6000
const POLL_MS = 20

/** IOMMU faults of one function, from the kernel's log. */
export class KernelFaultLog implements FaultLog {
  readonly observable: boolean
  readonly #address: string
  readonly #clock: Clock
  #closed = false

  constructor(address: string, clock: Clock) {
    this.#address = address
    this.#clock = clock
    this.observable = hasIntelIommu() && canRead('/dev/kmsg')
  }

  async watch(signal?: AbortSignal): Promise<FaultWatch> {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
    if (!this.observable) {
      const why = 'the kernel log cannot be read, or the IOMMU is of another make than the one whose messages are known'
      throw new ProbarError('capability-missing', `IOMMU faults are not observable here: ${why}`)
    }
    await sleep(this.#clock, QUIET_MS, signal)
    return new KernelFaultWatch(new KernelLog(), this.#address, this.#clock)
  }

  close(): void {
    this.#closed = true
  }
}

class KernelFaultWatch implements FaultWatch {
  readonly #log: KernelLog
  readonly #address: string
  readonly #clock: Clock
  #suppressed = false

  constructor(log: KernelLog, address: string, clock: Clock) {
    this.#log = log
    this.#address = address
    this.#clock = clock
  }

  async next({ timeoutMs, signal }: WaitOptions): Promise<Fault | undefined> {
    const deadline = this.#clock.now() + timeoutMs
    for (;;) {
      const fault = this.#readUntilFault()
      if (fault !== undefined) return fault
      if (this.#clock.now() >= deadline) break
      await sleep(this.#clock, POLL_MS, signal)
    }
    if (!this.#suppressed && !this.#log.lost) return undefined
    throw new ProbarError('witness-suppressed', 'the kernel dropped log lines, so the absence of a fault means nothing')
  }

  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]()
  }

  #readUntilFault(): Fault | undefined {
    for (let message = this.#log.next(); message !== undefined; message = this.#log.next()) {
      if (isSuppressed(message)) this.#suppressed = true
      const fault = parseFault(message)
      if (fault?.device === this.#address) return fault
    }
    return undefined
  }
}

function hasIntelIommu(): boolean {
  try {
    return readdirSync('/sys/class/iommu').some((name) => name.startsWith('dmar'))
  } catch {
    return false
  }
}

/** Opens it for real: with dmesg_restrict the mode of the file allows what the kernel then refuses. */
function canRead(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
    return true
  } catch {
    return false
  }
}
