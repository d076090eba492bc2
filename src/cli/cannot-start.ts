/** What Probar needs to be loaded, on the generous side: files of one depth of the import graph are read at once. */
const OPEN_FILES = 256

/** Why Probar cannot even start, in words; undefined for an error that says something else. Imports nothing, on purpose. */
export function cannotStart(error: unknown): { readonly text: string; readonly status: number } | undefined {
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown }
  if (code === 'EMFILE' || code === 'ENFILE') {
    const text = `error os-error: too few files may be open to load Probar; raise the limit: ulimit -n ${OPEN_FILES}`
    return { text, status: 4 }
  }
  if (code === 'ENOENT' && syscall === 'uv_cwd') {
    return { text: 'error usage: the current folder is not there any more; change to another', status: 2 }
  }
  return undefined
}
