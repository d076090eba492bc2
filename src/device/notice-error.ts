import { ProbarError } from '../base/errors.ts'
import type { NoticeKind } from './contract.ts'

/** What a notice of the platform means to whoever uses the device. */
export function noticeError(kind: NoticeKind): ProbarError {
  if (kind === 'request') {
    return new ProbarError(
      'device-gone',
      'the kernel asks for the device back: it is being unplugged, or unbound from its driver',
    )
  }
  return new ProbarError(
    'bus-error',
    'the device reported an error that it cannot correct (PCI Express AER), so nothing since then can be trusted: the ' +
      "kernel's log (dmesg) names it",
  )
}
