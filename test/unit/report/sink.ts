import { Writable } from 'node:stream'

/** A stream that keeps what was written. */
export class Sink extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const ESCAPE = '\u001b'
const CONTROL_OR_CHARACTER = new RegExp(`${ESCAPE}\\[[0-9;]*[A-Za-z]|[\\s\\S]`, 'gu')

/** What a terminal shows after it received the text: control sequences applied, colours left out. */
export function screen(text: string): readonly string[] {
  const lines = ['']
  for (const [part] of text.matchAll(CONTROL_OR_CHARACTER)) {
    const last = lines.length - 1
    if (part === '\n') lines.push('')
    else if (part === `${ESCAPE}[2K`) lines[last] = ''
    else if (part !== '\r' && !part.startsWith(ESCAPE)) lines[last] += part
  }
  return lines
}
