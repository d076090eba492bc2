import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ProbarError } from '../base/errors.ts'

/** The folder with Probar's package.json, from the sources as from what was built of them. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
  }
  throw new ProbarError('internal', `no package.json above ${import.meta.dirname}`)
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return version
}
