import { InvalidArgumentError, Option } from 'commander'
import type { TakingOptions } from '../../session/machine/take-device.ts'
import type { CliIo } from '../io.ts'

/** `--wait [seconds]` */
export function waitOption(): Option {
  const what = 'wait while another process has the device (default: without end)'
  return new Option('--wait [seconds]', what).argParser(seconds)
}

/** How a command takes a device. @param wait seconds; `true` for without end */
export function takingOf(purpose: string, wait: number | true | undefined, io: CliIo): TakingOptions {
  const waitMs = wait === true ? Number.POSITIVE_INFINITY : (wait ?? 0) * 1000
  const machine = { sshConnection: io.env['SSH_CONNECTION'] }
  return { purpose, waitMs, machine, signal: io.signal, notice: (line) => void io.stderr.write(`${line}\n`) }
}

function seconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new InvalidArgumentError(
    'Give a whole number of seconds, or none to wait without end; a device goes before --wait.',
  )
}
