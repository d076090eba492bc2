import { expect } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { RegisterProgramError } from '../../../src/device/register-program/outcome.ts'
import { type RegisterProgram, registerProgram } from '../../../src/device/register-program/program.ts'
import type { RegisterAccess } from '../../../src/device/contract.ts'
import { bar, type Check, edu, failure } from '../bench.ts'

const MIB = 0x10_0000
const IDENTIFICATION = 0x0100_00edn
const SOON = 20
const inverse = (value: number): bigint => BigInt(~value >>> 0)

/** How a program stopped that may not get to its end. */
function stop(registers: RegisterAccess, program: RegisterProgram): object {
  try {
    return { returned: [...registers.run(program)] }
  } catch (error) {
    if (!(error instanceof RegisterProgramError)) throw error
    return { code: codeOf(error), step: error.step, values: [...error.values], last: error.last }
  }
}

/** Register programs: many different accesses in one call. */
export const programChecks: readonly Check[] = [
  {
    name: 'a program gives the values of its reads in order, each time it runs',
    needs: ['edu'],
    run(bench) {
      const program = registerProgram()
        .write(32, edu.liveness, 0x1234_5678)
        .read(32, edu.liveness)
        .write(32, edu.liveness, 1)
        .fence()
        .read(32, edu.liveness)
        .read(32, edu.identification)
        .build()
      const expected = [inverse(0x1234_5678), inverse(1), IDENTIFICATION]
      expect([...bar(bench).run(program)]).toEqual(expected)
      expect([...bar(bench).run(program)]).toEqual(expected)
      expect([...bar(bench).run(registerProgram().build())]).toEqual([])
    },
  },
  {
    name: 'the accesses of a program have exactly their width',
    needs: ['edu'],
    run(bench) {
      const program = registerProgram()
        .write(32, edu.liveness, 0x1234_5678)
        .write(8, edu.liveness, 0xff)
        .write(16, edu.liveness, 0xffff)
        .write(64, 0, 0n)
        .read(8, 0)
        .read(16, 0)
        .read(64, 0)
        .read(32, edu.liveness)
        .write(64, edu.source, 0x8123_4567_89ab_cdefn)
        .read(64, edu.source)
        .build()
      // As single accesses: the device answers 4 bytes alone there (measured).
      expect([...bar(bench).run(program)]).toEqual([0n, 0n, 2n ** 64n - 1n, 0xedcb_a987n, 0x8123_4567_89ab_cdefn])
    },
  },
  {
    name: 'a program modifies the bits under a mask, and gives what was there before',
    needs: ['edu'],
    run(bench) {
      const program = registerProgram()
        .write(64, edu.source, 0x1111_2222_3333_4444n)
        .modify(64, edu.source, { mask: 0xff00_0000_0000_ff00n, value: 0xab00_0000_0000_0100n })
        .build()
      expect([...bar(bench).run(program)]).toEqual([0x1111_2222_3333_4444n])
      expect(bar(bench).read64(edu.source)).toBe(0xab11_2222_3333_0144n)
    },
  },
  {
    name: 'a program polls until the device is done',
    needs: ['edu'],
    run(bench) {
      const program = registerProgram()
        .write(32, edu.factorial, 10)
        .poll(32, edu.status, { mask: 1, value: 0, timeoutMs: 5000 })
        .read(32, edu.factorial)
        .build()
      const [status, factorial] = bar(bench).run(program)
      expect([(status ?? 1n) & 1n, factorial]).toEqual([0n, 3_628_800n])
    },
  },
  {
    name: 'a poll that is not met ends the program when its time is over, not before, and keeps what was read',
    needs: ['edu'],
    run(bench) {
      const { clock } = bench.device
      const program = registerProgram()
        .write(32, edu.liveness, 1)
        .read(32, edu.identification)
        .poll(32, edu.liveness, { mask: 2, value: 0, timeoutMs: SOON, intervalUs: 100 })
        .write(32, edu.liveness, 9)
        .build()
      const before = clock.now()
      expect(stop(bar(bench), program)).toEqual({
        code: 'timeout',
        step: 2,
        values: [IDENTIFICATION],
        last: inverse(1),
      })
      expect(clock.now() - before).toBeGreaterThanOrEqual(SOON)
      expect(bar(bench).read32(edu.liveness)).toBe(~1 >>> 0)
    },
  },
  {
    name: 'all ones end no poll, as a device reads that is gone, unless they are waited for',
    needs: ['edu'],
    run(bench) {
      const region = bar(bench)
      region.write32(edu.liveness, 0)
      const poll = { mask: 1, value: 1, timeoutMs: SOON }
      const gone = stop(region, registerProgram().poll(32, edu.liveness, poll).build())
      expect(gone).toMatchObject({ code: 'device-gone', step: 0, last: 0xffff_ffffn })
      const meant = registerProgram()
        .poll(32, edu.liveness, { ...poll, allOnesIsValue: true })
        .poll(32, edu.liveness, { mask: 0xffff_ffff, value: 0xffff_ffff, timeoutMs: SOON })
        .build()
      expect([...region.run(meant)]).toEqual([0xffff_ffffn, 0xffff_ffffn])
    },
  },
  {
    name: 'a program lets its delays pass',
    needs: ['edu'],
    run(bench) {
      const { clock } = bench.device
      const before = clock.now()
      bar(bench).run(registerProgram().delay(3000).delay(4000).build())
      expect(clock.now() - before).toBeGreaterThanOrEqual(7)
    },
  },
  {
    name: 'nothing of a program runs when one of its steps is outside',
    needs: ['edu'],
    async run(bench) {
      const region = bar(bench)
      region.write32(edu.liveness, 5)
      const program = registerProgram().write(32, edu.liveness, 6).read(32, MIB).build()
      expect(await failure(() => region.run(program))).toBe('region-outside')
      expect(region.read32(edu.liveness)).toBe(~5 >>> 0)
    },
  },
  {
    name: 'a program of a view counts from the view, and ends with it',
    needs: ['edu'],
    async run(bench) {
      using view = bar(bench).map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      const program = registerProgram().write(32, edu.liveness, 3).read(32, edu.liveness).build()
      expect([...view.run(program)]).toEqual([inverse(3)])
      expect(await failure(() => view.run(registerProgram().read(32, PAGE_SIZE).build()))).toBe('region-outside')
      view.close()
      expect(await failure(() => view.run(program))).toBe('closed')
    },
  },
  {
    name: 'a program stops at the first step that the device does not answer',
    needs: ['edu'],
    run(bench) {
      const { config } = bench.device
      const command = config.read16(4)
      config.write16(4, command & ~0x2)
      const stopped = stop(bar(bench), registerProgram().delay(10).read(32, 0).write(32, edu.liveness, 1).build())
      config.write16(4, command)
      expect(stopped).toEqual({ code: 'decoding-off', step: 1, values: [], last: undefined })
      expect([...bar(bench).run(registerProgram().read(32, 0).build())]).toEqual([IDENTIFICATION])
    },
  },
]
