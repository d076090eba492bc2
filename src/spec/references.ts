const FAMILIES = 'MDL|KSM|PHY|DXM|WRT|GVA|DMA|VER|ERR'
const mention = new RegExp(`\\b((?:${FAMILIES})-)(\\d+)((?:/\\d+\\b)*)(?: to \\1(\\d+))?`, 'g')

/**
 * The ids that a text mentions, in order. `MDL-041/046` is two ids; `KSM-020 to KSM-023` is its two ends, because
 * numbers between them may be free. `VER-012/0xB4` is a clause of one.
 */
export function referencedIds(text: string): readonly string[] {
  return [...text.matchAll(mention)].flatMap(([, family = '', first = '', others = '', last]) => {
    const numbers = [first, ...others.split('/').slice(1), ...(last === undefined ? [] : [last])]
    return numbers.map((number) => family + number)
  })
}
