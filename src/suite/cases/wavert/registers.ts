import { va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { HwRegister } from '../../../ddi/portcls/interfaces.ts'
import type { Case } from '../../case.ts'
import { NotOffered } from '../../checks.ts'
import type { Context } from '../../context.ts'
import {
  KSSTATE_PAUSE,
  KSSTATE_RUN,
  type MiniportOf,
  ahead,
  loadRegister,
  openPin,
  pass,
  records,
  stepTo,
  until,
} from '../parts/pins.ts'

const SIZE = 8 * PAGE_SIZE
const PCI_EXPRESS = 0x10

/** Milliseconds over which the clock is held against the device's own. */
const CLOCK_MS = 50

/** One load, and when it was made at the earliest and at the latest. */
function timed(context: Context, register: HwRegister): { before: number; ticks: number; after: number } {
  const { clock } = context.device
  const before = clock.now()
  const ticks = loadRegister(context, register)
  return { before, ticks, after: clock.now() }
}

/** The function has this capability in the chain of config space (PCI 3.0, section 6.7). */
function hasCapability({ device: { config } }: Context, id: number): boolean {
  const listed = (config.read16(0x06) & 0x10) !== 0
  const seen = new Set<number>()
  for (let at = listed ? config.read8(0x34) & 0xfc : 0; at >= 0x40 && !seen.has(at); at = config.read8(at + 1) & 0xfc) {
    seen.add(at)
    if (config.read8(at) === id) return true
  }
  return false
}

/** Cases of the registers that clients read by themselves, and of the latency. */
export const registerCases = (miniport: MiniportOf): readonly Case[] => [
  {
    id: 'wavert/position-register',
    title: 'the position register has 32 or 64 bits and an accuracy, moves in RUN only, and agrees with GetPosition',
    rules: ['WRT-037', 'WRT-038'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check } = context
      const { pin, buffer } = await openPin(context, miniport, { capture: records(context), bytes: SIZE })
      const { actualSize: size } = buffer
      const out: { value?: HwRegister } = {}
      const status = pin.positionRegister(out)
      if (status === NtStatus.STATUS_NOT_SUPPORTED) {
        check.absent(out.value, 'the register of a device that has none')
        await pin.close()
        throw new NotOffered('no-hardware-register')
      }
      check.equal(status, 0, 'GetPositionRegister')
      const register = check.present(out.value, 'the position register')
      const width = register.get('Width')
      check.ok(width === 32 || width === 64, `Width is ${width}`)
      const accuracy = register.get('Accuracy')
      check.ok(accuracy < size, `Accuracy is ${accuracy} in a buffer of ${size} bytes`)
      const before = loadRegister(context, register)
      await pass(context, 20)
      check.equal(loadRegister(context, register), before, 'the register in STOP')
      await stepTo(context, pin, KSSTATE_RUN)
      let [wrapped, last] = [false, 0]
      await until(context, 'the register wraps', () => {
        const now = loadRegister(context, register)
        check.ok(now < size, `the register reads ${now} in a buffer of ${size} bytes`)
        wrapped ||= now < last
        last = now
        return wrapped
      })
      await stepTo(context, pin, KSSTATE_PAUSE)
      const [rest, position] = [loadRegister(context, register), pin.position().PlayOffset]
      const apart = Math.min(ahead(rest, position, size), ahead(position, rest, size))
      check.ok(apart <= accuracy, `in PAUSE the register reads ${rest}, GetPosition gives ${position}`)
      await pass(context, 20)
      check.equal(loadRegister(context, register), rest, 'the register in PAUSE')
      await pin.close()
    },
  },
  {
    id: 'wavert/register-once-a-pin',
    title: 'a pin gives its position register once; the mapping ends with the pin',
    rules: ['WRT-039'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check, ddi } = context
      const { pin } = await openPin(context, miniport, { capture: records(context), bytes: SIZE })
      const out: { value?: HwRegister } = {}
      const status = pin.positionRegister(out)
      if (status === NtStatus.STATUS_NOT_SUPPORTED) {
        check.absent(out.value, 'the register of a device that has none')
        await pin.close()
        throw new NotOffered('no-hardware-register')
      }
      check.equal(status, 0, 'the first request')
      const address = va(check.present(out.value, 'the position register').get('Register'))
      const again: { value?: HwRegister } = {}
      check.ok(pin.positionRegister(again) >= 0xc000_0000, 'the second request fails')
      check.absent(again.value, 'the output of the second request')
      check.ok(ddi.registers.READ_REGISTER_ULONG(address) < SIZE, 'the register after the second request')
      await pin.close()
      check.callerError('DXM-022', 'the register once the pin is closed', () =>
        ddi.registers.READ_REGISTER_ULONG(address),
      )
    },
  },
  {
    id: 'wavert/clock-register',
    title: 'a clock register tells width, frequency and accuracy, and counts as fast as it tells while the stream runs',
    rules: ['WRT-038'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check } = context
      const { pin } = await openPin(context, miniport, { capture: records(context), bytes: SIZE })
      const out: { value?: HwRegister } = {}
      const status = pin.clockRegister(out)
      if (status === NtStatus.STATUS_NOT_SUPPORTED) {
        check.absent(out.value, 'the clock of a device that has none')
        await pin.close()
        throw new NotOffered('no-hardware-register')
      }
      check.equal(status, 0, 'GetClockRegister')
      const clock = check.present(out.value, 'the clock register')
      const width = clock.get('Width')
      check.ok(width === 32 || width === 64, `Width is ${width}`)
      check.ok(clock.get('Numerator') > 0n && clock.get('Denominator') > 0n, 'Numerator and Denominator are above 0')
      await stepTo(context, pin, KSSTATE_RUN)
      const first = timed(context, clock)
      await pass(context, CLOCK_MS)
      const second = timed(context, clock)
      const ticks = second.ticks - first.ticks + (second.ticks < first.ticks ? 2 ** width : 0)
      const ms = (ticks * 1000 * Number(clock.get('Denominator'))) / Number(clock.get('Numerator'))
      // Between the two loads lay this much at least, and at most.
      const [least, most] = [second.before - first.after, second.after - first.before]
      const error = 0.1 * most + 1
      check.ok(
        ms >= least - error && ms <= most + error,
        `${ticks} ticks are ${ms} ms, and took ${least} to ${most} ms`,
      )
      await pin.close()
    },
  },
  {
    id: 'wavert/latency',
    title: 'the latency is FifoSize in bytes and delays in 100 ns; on conventional PCI ChipsetDelay is 0',
    rules: ['WRT-041'],
    needs: ['cyclic'],
    run: async (context) => {
      const { check } = context
      const { pin, buffer } = await openPin(context, miniport, { capture: records(context), bytes: SIZE })
      // What the device says of itself is there once it moves.
      await stepTo(context, pin, KSSTATE_RUN)
      await until(context, 'the position moves', () => pin.position().PlayOffset > 0)
      const latency = pin.latency()
      const [fifo, chipset, codec] = (['FifoSize', 'ChipsetDelay', 'CodecDelay'] as const).map((name) =>
        latency.get(name),
      )
      check.ok((fifo ?? 0) < buffer.actualSize, `FifoSize is ${fifo} in a buffer of ${buffer.actualSize} bytes`)
      if (!hasCapability(context, PCI_EXPRESS)) check.equal(chipset, 0, 'ChipsetDelay on conventional PCI')
      const second = 10_000_000
      check.ok((chipset ?? 0) < second && (codec ?? 0) < second, `delays of ${chipset} and ${codec} units of 100 ns`)
      await pin.close()
    },
  },
]
