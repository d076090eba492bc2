import type { Block, Region, RegisterAccess } from '../../src/device/contract.ts'
import { RegisterProgramError } from '../../src/device/register-program/outcome.ts'
import { type RegisterProgram, RegisterProgram as Program } from '../../src/device/register-program/program.ts'
import type { Step } from '../../src/device/register-program/steps.ts'

type Alter = (region: Region) => Partial<Region>

/** The same program but for some steps. */
const changed = (region: RegisterAccess, change: (step: Step) => readonly Step[]) => ({
  run: (program: RegisterProgram) => region.run(new Program(program.steps.flatMap(change))),
})

const oneByOne = (region: RegisterAccess, change: (step: Step) => readonly Step[]) => ({
  run(program: RegisterProgram) {
    const values = program.steps.flatMap((step) => [...region.run(new Program(change(step)))])
    return BigUint64Array.from(values)
  },
})

/** Blocks and programs that do not do what they must: the check's name, and the BAR that it has to notice. */
export const brokenRegisters: Readonly<Record<string, Alter>> = {
  'a block reads one register after the other, each access as wide as an element': (region) => ({
    readBlock: (offset: number, into: Block) => {
      const bytes = new Uint32Array(into.buffer)
      for (let index = 0; index < bytes.length; index++) bytes[index] = region.read32(offset + 4 * index)
    },
  }),
  'a block writes one register after the other': (region) => ({
    writeBlock: (offset, from) => region.writeBlock(offset, from, 'fixed'),
  }),
  'a block at a fixed place reads the same register each time': (region) => ({
    readBlock: (offset, into) => region.readBlock(offset, into),
  }),
  'a block at a fixed place writes every element to the same register': (region) => ({
    writeBlock: (offset, from, place) => region.writeBlock(offset, from.subarray(0, 2), place),
  }),
  'a block is refused as a whole when part of it is outside or it is off its width': (region) => ({
    readBlock: (offset, into, place) => {
      into[0] = region.read32(offset - (offset % 4))
      region.readBlock(offset, into, place)
    },
  }),
  'a block is refused while memory decode is off': () => ({ readBlock: () => undefined }),
  '8 bytes by halves are two accesses of 4 bytes': (region) => ({ read64: (offset) => region.read64(offset) }),
  'a program gives the values of its reads in order, each time it runs': (region) => ({
    run: (program) => region.run(program).toReversed(),
  }),
  'the accesses of a program have exactly their width': (region) =>
    changed(region, (step) => ('width' in step && step.width < 4 ? [{ ...step, width: 4 }] : [step])),
  'a program modifies the bits under a mask, and gives what was there before': (region) =>
    changed(region, (step) => (step.kind === 'modify' ? [{ ...step, mask: 0xffff_ffff_ffff_ffffn }] : [step])),
  'a program polls until the device is done': (region) =>
    changed(region, (step) => (step.kind === 'poll' ? [{ ...step, mask: 0n, value: 0n }] : [step])),
  'a poll that is not met ends the program when its time is over, not before, and keeps what was read': (region) =>
    changed(region, (step) => (step.kind === 'poll' ? [{ ...step, timeUs: 0 }] : [step])),
  'all ones end no poll, as a device reads that is gone, unless they are waited for': (region) =>
    changed(region, (step) => (step.kind === 'poll' ? [{ ...step, allOnesIsValue: true }] : [step])),
  'a program lets its delays pass': (region) => changed(region, (step) => (step.kind === 'delay' ? [] : [step])),
  'nothing of a program runs when one of its steps is outside': (region) => oneByOne(region, (step) => [step]),
  'a program stops at the first step that the device does not answer': (region) => ({
    run(program) {
      try {
        return region.run(program)
      } catch (error) {
        if (!(error instanceof RegisterProgramError)) throw error
        return new BigUint64Array(program.widths.length)
      }
    },
  }),
}
