import { ProbarError } from '../../base/errors.ts'
import { type Defects, faultsOf, type LoopbackFault } from './planted/defects.ts'

export type ModelName = keyof typeof models

/** What `loopback:edu?fault=a,b&dma_mask=0x…&msi=16&entries=65535` asks for. */
export interface LoopbackReference {
  /** As given. */
  readonly ref: string
  readonly model: ModelName
  readonly defects: Defects
  /** Address bits that the modelled device can emit, as QEMU's `dma_mask`. */
  readonly dmaMask: bigint
  /** MSI vectors that an edu has. QEMU's has 1, and none but the first is ever raised by the model itself. */
  readonly msiVectors: number
  /** Mappings that the simulated IOMMU holds at once; undefined for as many as Linux allows by default. */
  readonly entries: number | undefined
}

const SCHEME = 'loopback:'
const HIGHEST = (1n << 64n) - 1n

/** For each model what its references may say, and the address bits that it emits unless told. */
const models = {
  edu: { parameters: ['fault', 'dma_mask', 'msi', 'entries'], dmaMask: 0x0fff_ffffn },
  sg: { parameters: ['fault', 'dma_mask', 'entries'], dmaMask: HIGHEST },
} as const

/** What can stand for each of the modelled devices, without parameters. */
export const loopbackReferences: readonly string[] = Object.keys(models).map((name) => SCHEME + name)

/**
 * @param ref for example `loopback:edu`, `loopback:edu?fault=irq-lost,ident-wrong` or `loopback:edu?dma_mask=0xffffffff`
 * @throws ProbarError reference-unknown for another scheme or model, usage for a parameter, fault or mask that there is
 *   not, or that the model does not have
 */
export function parseLoopbackReference(ref: string): LoopbackReference {
  const [, model, query] = /^loopback:([^?]*)(?:\?(.*))?$/s.exec(ref) ?? []
  if (model === undefined || !isModel(model)) {
    throw new ProbarError(
      'reference-unknown',
      `there is no loopback device ${ref}; there is: ${loopbackReferences.join(', ')}`,
    )
  }
  const parameters = new URLSearchParams(query)
  const valid: readonly string[] = models[model].parameters
  for (const name of parameters.keys()) {
    if (!valid.includes(name)) throw usage(`unknown parameter ${name} in ${ref}; valid: ${valid.join(', ')}`)
    if (parameters.getAll(name).length > 1) throw usage(`parameter ${name} is given twice in ${ref}`)
  }
  return {
    ref,
    model,
    defects: defectsOf(model, parameters.get('fault')),
    dmaMask: maskOf(parameters.get('dma_mask')) ?? models[model].dmaMask,
    msiVectors: vectorsOf(parameters.get('msi')),
    entries: entriesOf(parameters.get('entries')),
  }
}

const isModel = (name: string): name is ModelName => Object.hasOwn(models, name)

function defectsOf(model: ModelName, list: string | null): Defects {
  const names = list === null ? [] : list.split(',')
  const known = names.filter((name): name is LoopbackFault => Object.hasOwn(faultsOf[model], name))
  const unknown = names.find((name) => !Object.hasOwn(faultsOf[model], name))
  if (unknown === undefined) return new Set(known)
  throw usage(
    `there is no fault "${unknown}" to plant into ${SCHEME}${model}; there are: ${Object.keys(faultsOf[model]).join(', ')}`,
  )
}

function maskOf(text: string | null): bigint | undefined {
  if (text === null) return undefined
  const mask = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? BigInt(text) : 0n
  if (mask > 0n && mask <= HIGHEST) return mask
  throw usage(`dma_mask=${text} is no mask; give 1 to 64 bits as a number, for example 0xffffffff`)
}

/** What MSI can have (PCI Local Bus 3.0, 6.8.1.3). */
function vectorsOf(text: string | null): number {
  const vectors = text === null ? 1 : Number(text)
  if ([1, 2, 4, 8, 16, 32].includes(vectors)) return vectors
  throw usage(`msi=${text} is no number of MSI vectors; a device has 1, 2, 4, 8, 16 or 32`)
}

function entriesOf(text: string | null): number | undefined {
  if (text === null) return undefined
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text)
  throw usage(`entries=${text} is no number of mappings; give 1 to 999999999`)
}

const usage = (message: string): ProbarError => new ProbarError('usage', message)
