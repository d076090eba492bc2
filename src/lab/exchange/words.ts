/** COMMAND's way into the guest: every word arrives there as it was typed. */

/** One word for a POSIX shell, whatever is in it. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

const OUT = /\$PROBAR_OUT(?![A-Za-z0-9_])|\$\{PROBAR_OUT\}/g

/**
 * The script that runs COMMAND. A single word with white space is a line for the guest's shell; otherwise the words
 * are a program and its arguments, passed on exactly but for `$PROBAR_OUT`, which becomes the guest's folder.
 */
export function commandScript(words: readonly string[], folder: string, out: string): string {
  const [first = ''] = words
  const line =
    words.length === 1 && /\s/.test(first)
      ? `exec /bin/sh -c ${quoteWord(first)}`
      : `exec ${words.map((word) => quoteWord(word.replaceAll(OUT, () => out))).join(' ')}`
  return `cd ${quoteWord(folder)} || exit 126\n${line}\n`
}

/** Assignments that a POSIX shell reads back unchanged. */
export function settingsScript(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${quoteWord(value)}\n`)
    .join('')
}
