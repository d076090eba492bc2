import type { Readable, Writable } from 'node:stream'
import { ProbarError } from '../../base/errors.ts'
import { MarkedStream } from './marked-stream.ts'

/**
 * Hands a stream of the guest on to one of the host's. A host that reads slowly makes the guest wait; nothing is lost.
 * @returns whether the end mark was seen, once all before it has been handed on or the stream has ended without it
 * @throws ProbarError cancelled when the target takes no more
 */
export function follow(source: Readable, target: Writable, mark: string): Promise<boolean> {
  const marked = new MarkedStream(mark)
  const finish = (): void => {
    source.unpipe(marked)
    marked.end()
  }
  marked.once('complete', finish)
  source.once('close', finish)
  source.pipe(marked).pipe(target, { end: false })
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(new ProbarError('cancelled', `the output could not be written: ${cause.message}`, { cause }))
    target.once('error', fail)
    marked.once('end', () => {
      // an empty write is done once the target has taken all before it
      target.write('', (error) => {
        if (error !== null && error !== undefined) return fail(error)
        target.off('error', fail)
        resolve(marked.complete)
      })
    })
  })
}
