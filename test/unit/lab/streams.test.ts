import { describe, expect, it } from '@jest/globals'
import { PassThrough, Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { LineReader, MAX_LINE } from '../../../src/lab/exchange/lines.ts'
import { MarkedStream } from '../../../src/lab/exchange/marked-stream.ts'
import { follow } from '../../../src/lab/exchange/output.ts'
import { SerialLog } from '../../../src/lab/qemu/serial-log.ts'

/** Cuts a text at the given places. */
function cut(whole: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(whole)
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((one, other) => one - other)
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length))
}
/** Text of few letters, so that beginnings of the mark are common. */
const output = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 60 })
const places = fc.array(fc.nat(), { maxLength: 12 })
const MARK = 'aab-aabc'

describe('a stream with an end mark', () => {
  const through = async (chunks: readonly Buffer[]): Promise<readonly [string, boolean]> => {
    const marked = new MarkedStream(MARK)
    const result = text(Readable.from(chunks).pipe(marked))
    return [await result, marked.complete]
  }

  it('passes on all before the mark and nothing of it, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(output, places, async (before, at) => {
        expect(await through(cut(`${before}${MARK}`, at))).toEqual([before, true])
      }),
    )
  })

  it('passes on all of it when the mark is missing or only begun, and says so', async () => {
    await fc.assert(
      fc.asyncProperty(output, places, fc.nat(MARK.length - 1), async (before, at, begun) => {
        const whole = before + MARK.slice(0, begun)
        expect(await through(cut(whole, at))).toEqual([whole, false])
      }),
    )
  })
})

describe("following the guest's output", () => {
  it('waits for a slow reader and loses nothing', async () => {
    const got: Buffer[] = []
    const slow = new Writable({
      highWaterMark: 10,
      write(chunk: Buffer, _encoding, done) {
        got.push(chunk)
        setImmediate(done)
      },
    })
    const lines = Array.from({ length: 500 }, (_, index) => `${index}\n`)
    expect(await follow(Readable.from([...lines, MARK]), slow, MARK)).toBe(true)
    expect(Buffer.concat(got).toString()).toBe(lines.join(''))
  })

  it('leaves the target open for what comes after', async () => {
    const target = new PassThrough()
    await follow(Readable.from([`x${MARK}`]), target, MARK)
    expect(target.writable).toBe(true)
  })

  it('says that the end is missing when the source breaks off', async () => {
    const source = new PassThrough()
    const followed = follow(source, new PassThrough(), MARK)
    source.write('half')
    source.destroy()
    expect(await followed).toBe(false)
  })

  it('fails when the target takes no more', async () => {
    const closed = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    await expect(follow(Readable.from(['x', MARK]), closed, MARK)).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('reading lines', () => {
  it('gives the same lines however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ''))),
        places,
        (lines, at) => {
          const got: string[] = []
          const reader = new LineReader(
            (line) => got.push(line),
            () => got.push('too long'),
          )
          for (const chunk of cut(lines.map((line) => `${line}\n`).join(''), at)) reader.push(chunk)
          expect(got).toEqual(lines)
        },
      ),
    )
  })

  it('drops a line that is too long, once, and goes on with the next', () => {
    const got: string[] = []
    const reader = new LineReader(
      (line) => got.push(line),
      () => got.push('too long'),
    )
    for (let sent = 0; sent <= 3 * MAX_LINE; sent += 65_536) reader.push(Buffer.alloc(65_536, 'x'))
    reader.push(Buffer.from('rest\nnext\n'))
    expect(got).toEqual(['too long', 'next'])
  })
})

describe('the serial log', () => {
  it('shows its last lines without terminal controls', () => {
    const log = new SerialLog()
    log.push(Buffer.from('\u001bc\u001b[?7l\u001b[2Jfirst\r\nsec'))
    log.push(Buffer.from('ond\r\nthird\r\n'))
    expect(log.tail(2)).toBe('second\nthird')
    expect(log.tail(9)).toBe('first\nsecond\nthird')
  })

  it('keeps the end of a long log only', () => {
    const log = new SerialLog()
    for (let line = 0; line < 100_000; line += 1) log.push(Buffer.from(`line ${line}\n`))
    const lines = log.tail(1_000_000).split('\n')
    expect(lines.at(-1)).toBe('line 99999')
    expect(lines.length).toBeLessThan(50_000)
  })
})
