import { hex } from '../base/hex.ts'
import { valueAt, type Path, type Problem } from './problem.ts'
import { behaviourSchema, bitsSchema, dmaSchema, registerPlaceSchema } from './schema.ts'

/**
 * What the schema of single values cannot say. It works on the values as they were written, so that one wrong value
 * does not hide the other problems.
 */
export function inconsistencies(profile: unknown): readonly Problem[] {
  const written = valueAt(profile, ['regions'])
  const regions: readonly unknown[] = Array.isArray(written) ? written : []
  return [
    ...repeatedIndices(regions),
    ...regions.flatMap((region, index) => regionProblems(region, ['regions', index])),
    ...dmaProblems(valueAt(profile, ['dma'])),
  ]
}

function repeatedIndices(regions: readonly unknown[]): readonly Problem[] {
  const indices = regions.map((region) => valueAt(region, ['index']))
  return indices.flatMap((bar, index) => {
    const text = `is ${String(bar)}, which an earlier region has; each BAR is described once`
    return typeof bar === 'number' && indices.indexOf(bar) < index ? [{ path: ['regions', index, 'index'], text }] : []
  })
}

interface PlacedRegister {
  readonly name: string
  readonly written: unknown
  readonly path: Path
  /** Bits. */
  readonly width: number
  /** Bytes from the region's start. */
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

function regionProblems(region: unknown, path: Path): readonly Problem[] {
  const size = valueAt(region, ['size'])
  const registers = placedRegisters(valueAt(region, ['registers']), [...path, 'registers'])
  return [
    ...registers.flatMap((register) => [
      ...placeProblems(register, size),
      ...bitsProblems(register),
      ...behaviourProblems(register),
    ]),
    ...overlaps(registers),
  ]
}

/** Those whose place is known; the schema complains about the others. */
function placedRegisters(registers: unknown, path: Path): readonly PlacedRegister[] {
  return Object.entries(registers ?? {}).flatMap(([name, written]) => {
    const place = registerPlaceSchema.safeParse(written)
    if (!place.success) return []
    const { offset, width } = place.data
    return [{ name, written, path: [...path, name], width, start: offset, end: offset + width / 8 }]
  })
}

function placeProblems({ path, width, start, end }: PlacedRegister, size: unknown): readonly Problem[] {
  const problems: Problem[] = []
  const at = [...path, 'offset']
  const bytes = width / 8
  if (start % bytes !== 0) {
    problems.push({ path: at, text: `is ${hex(start)}, must be a multiple of the width, ${bytes} bytes` })
  }
  if (typeof size === 'number' && end > size) {
    problems.push({ path: at, text: `is ${hex(start)}, must be inside the region, whose size is ${hex(size)} bytes` })
  }
  return problems
}

function overlaps(registers: readonly PlacedRegister[]): readonly Problem[] {
  return registers.flatMap((one, index) => {
    const other = registers.slice(0, index).find(({ start, end }) => start < one.end && one.start < end)
    if (other === undefined) return []
    const text = `is ${hex(one.start)}, but ${other.name} has the bytes ${hex(other.start)} to ${hex(other.end - 1)}`
    return [{ path: [...one.path, 'offset'], text: `${text}; registers must not overlap` }]
  })
}

function bitsProblems({ written, path, width }: PlacedRegister): readonly Problem[] {
  return Object.entries(valueAt(written, ['bits']) ?? {}).flatMap(([name, value]) => {
    const mask = bitsSchema.safeParse(value).data?.mask ?? 1n
    const text = `has the mask ${hex(mask)}, must be above 0 and inside the ${width} bits of the register`
    return fits(mask, width) ? [] : [{ path: [...path, 'bits', name], text }]
  })
}

function behaviourProblems({ written, path: register, width }: PlacedRegister): readonly Problem[] {
  const behaviour = behaviourSchema.safeParse(valueAt(written, ['behaviour'])).data
  const access = valueAt(written, ['access'])
  const path = [...register, 'behaviour']
  if (behaviour === undefined) return []
  if (!('constant' in behaviour)) {
    const text = `answers what was written, so the access must be rw, not ${String(access)}`
    return access === 'rw' ? [] : [{ path, text }]
  }
  const problems: Problem[] = []
  const { mask, value } = behaviour.constant
  const maskText = `is ${hex(mask)}, must be above 0 and inside the ${width} bits of the register`
  if (!fits(mask, width)) problems.push({ path: [...path, 'constant', 'mask'], text: maskText })
  const valueText = `is ${hex(value)}, must have no bit outside the mask ${hex(mask)}`
  if ((value & ~mask) !== 0n) problems.push({ path: [...path, 'constant', 'value'], text: valueText })
  if (access === 'wo') problems.push({ path, text: 'is constant, but the register cannot be read' })
  return problems
}

const fits = (mask: bigint, width: number): boolean => mask > 0n && mask < 1n << BigInt(width)

function dmaProblems(written: unknown): readonly Problem[] {
  const { data: dma } = dmaSchema.safeParse(written)
  if (dma?.buffer === undefined || dma.maxTransfer <= dma.buffer.size) return []
  const text = `is ${dma.maxTransfer}, must be at most the size of the buffer, ${dma.buffer.size} bytes`
  return [{ path: ['dma', 'maxTransfer'], text }]
}
