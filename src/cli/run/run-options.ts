import { type Command, InvalidArgumentError, Option } from 'commander'
import { ProbarError } from '../../base/errors.ts'
import { TYPE1_VERSIONS, type Type1Version } from '../../backend/vfio/open.ts'
import { isSkipCode, skipCodes } from '../../record/skip-codes.ts'
import { BACKENDS, type BackendName } from '../../session/reference.ts'
import { collect } from '../command.ts'
import { waitOption } from '../binding/wait.ts'
import { REPORTERS } from './reporters.ts'

export interface RunCommandOptions {
  readonly device: string
  readonly profile?: string
  readonly backend: BackendName
  readonly unsafeNoiommu?: boolean
  readonly type1?: Type1Version
  readonly wait?: number | true
  readonly suite?: readonly string[]
  readonly rule?: readonly string[]
  readonly case?: readonly string[]
  readonly seed: bigint
  readonly shard?: { readonly index: number; readonly count: number }
  readonly retry: number
  readonly timeout: number
  readonly allowSkip?: readonly string[]
  readonly reporter?: readonly string[]
  readonly list?: boolean
  readonly json?: boolean
}

/** The options of `probar run`. */
export function withRunOptions(command: Command): Command {
  return command
    .option('--device <ref>', 'loopback:edu, loopback:sg, vfio:0000:03:00.0, or a PCI address', 'loopback:edu')
    .option('--profile <name|file>', 'hardware profile (default: the one that matches the device)')
    .addOption(new Option('--backend <name>', 'how to reach the device').choices(BACKENDS).default('auto'))
    .option(
      '--unsafe-noiommu',
      'needed for --backend noiommu: the device, or a mistake, can then read and overwrite ANY memory of this machine',
    )
    .addOption(
      new Option('--type1 <version>', 'for --backend vfio: which version of type 1 (default: v2, else v1)').choices(
        TYPE1_VERSIONS,
      ),
    )
    .addOption(waitOption())
    .option('--suite <name>', 'only this suite (repeatable)', collect)
    .option('--rule <id>', 'only cases that prove this rule (repeatable)', collect)
    .option('--case <glob>', 'only cases whose id matches, * for any characters (repeatable)', collect)
    .addOption(
      new Option('--seed <n>', 'scatters frames and bus addresses; the same seed gives the same run')
        .argParser(seed)
        .default(1n, '1'),
    )
    .option('--shard <i/n>', 'only part i of n', shard)
    .option('--retry <n>', 'try a case that did not pass again, up to n times', count(0, 100), 0)
    .option('--timeout <s>', 'seconds for each case', count(1, 86_400), 60)
    .option('--allow-skip <code>', 'a skip with this code is expected (repeatable)', skipCode)
    .option('--reporter <name[=file]>', `${REPORTERS} (repeatable; json=- writes to standard output)`, collect)
    .option('--list', 'list the cases that would run')
    .option('--json', 'with --list: as JSON')
}

function seed(text: string): bigint {
  const value = /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text) ? BigInt(text) : -1n
  if (value >= 0n && value < 1n << 64n) return value
  throw new InvalidArgumentError('Give an unsigned 64-bit number, decimal or 0x….')
}

function shard(text: string): { index: number; count: number } {
  const [, first, second] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  const [index, of] = [Number(first), Number(second)]
  if (index >= 1 && index <= of) return { index, count: of }
  throw new InvalidArgumentError('Give i/n with 1 <= i <= n, for example 2/4.')
}

const count =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
  }

function skipCode(text: string, before: readonly string[] = []): readonly string[] {
  if (isSkipCode(text)) return [...before, text]
  throw new InvalidArgumentError(`There is no such code; there are: ${Object.keys(skipCodes).join(', ')}.`)
}

/** Contradictions that no single option shows. @throws ProbarError usage */
export function checkTogether({ list, json, reporter = [] }: RunCommandOptions): void {
  if (json === true && list !== true)
    throw new ProbarError('usage', '--json goes with --list; for a run use --reporter json=FILE')
  if (list === true && reporter.length > 0)
    throw new ProbarError('usage', '--list runs nothing, so --reporter has nothing to report')
}
