import { describe, expect, it } from '@jest/globals'
import { type ErrorCode, OsError, ProbarError } from '../../src/base/errors.ts'
import { reporting } from '../../src/cli/command.ts'
import { Sink } from './probar.ts'

async function reported(error: unknown, signal = new AbortController().signal): Promise<readonly [unknown, string]> {
  let status: number | undefined
  const stderr = new Sink()
  const io = { stdout: new Sink(), stderr, env: {}, cwd: '/', signal, exit: (last: number) => void (status = last) }
  await reporting(io, () => {
    throw error
  })
  return [status, stderr.text]
}

const statuses: Readonly<Record<number, readonly ErrorCode[]>> = {
  2: [
    'usage',
    'reference-unknown',
    'profile-unknown',
    'profile-invalid',
    'profile-ambiguous',
    'profile-mismatch',
    'record-invalid',
  ],
  3: [
    'device-absent',
    'device-driver',
    'device-busy',
    'device-protected',
    'permission-denied',
    'iommu-unavailable',
    'group-not-viable',
    'addon-missing',
    'lab-tool-missing',
  ],
  4: ['internal', 'os-error', 'closed', 'dma-overlap', 'dma-outside-aperture', 'dma-unmapped', 'region-outside'],
}

describe('a command that fails', () => {
  it.each(Object.entries(statuses).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)] as const)))(
    'with %s ends with %s and says code and message',
    async (code, status) => {
      expect(await reported(new ProbarError(code, 'what to do'))).toEqual([status, `error ${code}: what to do\n`])
      expect(await reported(new OsError(code, 'what to do', 5, 'ioctl'))).toEqual([
        status,
        `error ${code}: what to do\n`,
      ])
    },
  )

  it('with an error of no code ends with 4, and asks to report where it came from', async () => {
    const [status, text] = await reported(new TypeError('oops'))
    expect(status).toBe(4)
    expect(text).toMatch(/please report this:\nTypeError: oops\n +at /)
  })

  it('with several tells all of them', async () => {
    const both = new AggregateError([new ProbarError('timeout', 'first'), new ProbarError('closed', 'second')])
    expect(await reported(both)).toEqual([4, 'error timeout: first\nerror closed: second\n'])
  })

  it('because it was interrupted ends with 130', async () => {
    const [status] = await reported(new ProbarError('cancelled', 'stopped'), AbortSignal.abort())
    expect(status).toBe(130)
  })

  it('after a signal, but for another reason, does not end as if the device were back', async () => {
    const lost = new ProbarError('device-driver', 'it is not back')
    expect(await reported(lost, AbortSignal.abort())).toEqual([3, expect.stringContaining('it is not back')])
    const both = new AggregateError([new ProbarError('cancelled', 'stopped'), lost])
    expect(await reported(both, AbortSignal.abort())).toEqual([4, expect.stringContaining('it is not back')])
  })
})
