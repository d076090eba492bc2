import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { LineReader, MAX_LINE } from './lines.ts'

const id = z.union([z.number(), z.string()])
const Request = z.discriminatedUnion('do', [
  z.strictObject({ id, do: z.literal('unplug'), device: z.string() }),
  z.strictObject({
    id,
    do: z.literal('screendump'),
    // a file of the output folder, never one elsewhere on the host
    name: z.string().regex(/^[\w-][\w.-]*$/, 'a file name of letters, digits, dots, - and _'),
    device: z.string().optional(),
  }),
  z.strictObject({
    id,
    do: z.literal('qmp'),
    execute: z.string().min(1),
    arguments: z.record(z.string(), z.unknown()).optional(),
  }),
])

/** What COMMAND may ask through `$PROBAR_LAB`. */
export type ChannelRequest = z.infer<typeof Request>

/**
 * Answers the requests that arrive on a channel, one JSON object a line each way: `{"id":1,"ok":true,"result":…}` or
 * `{"id":1,"ok":false,"error":"…"}`. A line that is no request is answered too, with the id if it has one, else null.
 * @param perform does what a request asks; its failure becomes the answer
 */
export function serveChannel(stream: Duplex, perform: (request: ChannelRequest) => Promise<unknown>): void {
  const answer = (message: Readonly<Record<string, unknown>>): void => {
    if (stream.writable) stream.write(`${JSON.stringify(message)}\n`)
  }
  const refuse = (to: unknown, error: string): void => answer({ id: to, ok: false, error })
  const take = (line: string): void => {
    if (line.trim() === '') return
    const value = parse(line)
    if (value === undefined) return refuse(null, 'not a line of JSON')
    const request = Request.safeParse(value)
    if (!request.success) return refuse(idOf(value), complaint(request.error))
    perform(request.data).then(
      (result) => answer({ id: request.data.id, ok: true, result: result ?? {} }),
      (error: unknown) => refuse(request.data.id, error instanceof Error ? error.message : String(error)),
    )
  }
  const reader = new LineReader(take, () => refuse(null, `a line of more than ${MAX_LINE} bytes`))
  stream.on('data', (chunk: Buffer) => reader.push(chunk))
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function idOf(value: unknown): unknown {
  const result = z.looseObject({ id }).safeParse(value)
  return result.success ? result.data.id : null
}

function complaint(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')
}
