/** An element as lines of XML 1.0, without the declaration. */
export type Element = readonly string[]

export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element with elements inside. Attributes that are undefined are left out. */
export function element(name: string, attributes: Attributes, children: readonly Element[] = []): Element {
  const start = `${name}${attributeText(attributes)}`
  if (children.length === 0) return [`<${start}/>`]
  return [`<${start}>`, ...children.flat().map((line) => `  ${line}`), `</${name}>`]
}

/** An element with text inside, all of it on one entry, so that no indent gets into the text. */
export function textElement(name: string, attributes: Attributes, text: string): Element {
  return [`<${name}${attributeText(attributes)}>${escapeText(text)}</${name}>`]
}

export const xmlDocument = (root: Element): string => `<?xml version="1.0" encoding="UTF-8"?>\n${root.join('\n')}\n`

function attributeText(attributes: Attributes): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return given.map(([name, value]) => ` ${name}="${escapeAttribute(String(value))}"`).join('')
}

/** A reader turns a carriage return into a line feed unless it is written as a reference (XML 1.0, 2.11). */
const escapeText = (text: string): string => escapeMarkup(text).replaceAll('\r', '&#xD;')

/** … and in an attribute any white space into a blank (3.3.3). */
const escapeAttribute = (text: string): string =>
  escapeText(text).replaceAll('"', '&quot;').replaceAll('\t', '&#x9;').replaceAll('\n', '&#xA;')

function escapeMarkup(text: string): string {
  const allowed = text.replaceAll(FORBIDDEN, '\uFFFD')
  return allowed.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** What XML 1.0 cannot hold, not even as a reference (2.2): control characters, half surrogate pairs, U+FFFE and U+FFFF. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu
