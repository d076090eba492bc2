import { ProbarError } from '../../base/errors.ts'

const OPTION = /^(CONFIG_\w+)=(.+)$/

/** Options of a configuration fragment by name; what a comment says is passed over. */
export function optionsOf(fragment: string): ReadonlyMap<string, string> {
  return new Map(
    fragment.split('\n').flatMap((line) => {
      const [, name, value] = OPTION.exec(line.trim()) ?? []
      return name === undefined || value === undefined ? [] : [[name, value] as const]
    }),
  )
}

/**
 * The kernel drops without a word what it does not know or whose dependencies are missing; then the guest would lack
 * something much later.
 * @param fragment what was asked for; `n` asks for an option to be off
 * @param config the configuration that the kernel made of it
 * @throws ProbarError lab-boot-failed naming every option that was not taken
 */
export function checkTaken(fragment: string, config: string): void {
  const taken = optionsOf(config)
  const lost = [...optionsOf(fragment)].filter(([name, value]) => (taken.get(name) ?? 'n') !== value)
  if (lost.length === 0) return
  const names = lost.map(([name, value]) => `${name}=${value}`).join(', ')
  throw new ProbarError('lab-boot-failed', `the kernel's source does not take ${names}: mend lab/kernel/own.config`)
}
