/** Colours as functions on text; without colours each gives its text back. */
export interface Paint {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly odd: (text: string) => string
  readonly faint: (text: string) => string
  readonly strong: (text: string) => string
}

export function paint(colours: boolean): Paint {
  // Select graphic rendition (ECMA-48): `on` sets one attribute, `off` ends it.
  const attribute = (on: number, off: number) => (text: string) =>
    colours && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text
  return {
    good: attribute(32, 39),
    bad: attribute(31, 39),
    odd: attribute(33, 39),
    faint: attribute(2, 22),
    strong: attribute(1, 22),
  }
}
