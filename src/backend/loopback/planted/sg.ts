import type { Width } from '../../../device/register-access.ts'
import type { InterruptLine, Model, ModelWiring } from '../model/model.ts'
import type { RegisterFile } from '../model/registers.ts'
import {
  Cause,
  ChannelRegister,
  channelPage,
  CHANNELS,
  Control,
  GlobalRegister,
  Status,
} from '../model/sg/registers.ts'
import { Sg } from '../model/sg/sg.ts'
import type { Defects } from './defects.ts'
import { plantedFetch } from './sg-fetch.ts'

/** How long it takes until a defect notices that a channel is idle. */
const LOOK_MS = 0.5
const AHEAD = 4096

/** An sg with what is planted into it. */
export function plantedSg(wiring: ModelWiring, defects: Defects): Model {
  const line = plantedLine(wiring.line, defects)
  const sg = new Sg({ ...wiring, line }, plantedFetch(defects))
  const registers = new PlantedRegisters(sg, { ...wiring, line }, defects)
  return {
    registers: new Map([...sg.registers, [0, registers]]),
    reset: () => sg.reset(),
    [Symbol.dispose]: () => sg[Symbol.dispose](),
  }
}

function plantedLine(line: InterruptLine, defects: Defects): InterruptLine {
  return {
    raise(cause, vector = 0) {
      if (defects.has('list-interrupt-lost') && cause === Cause.done) return
      if (defects.has('notification-lost') && cause === Cause.notify) return
      line.raise(cause, defects.has('channels-share-vector') && vector < CHANNELS ? 0 : vector)
    },
    lower: () => line.lower(),
  }
}

/** The registers with what is planted into them. */
class PlantedRegisters implements RegisterFile {
  readonly #sg: RegisterFile
  readonly #wiring: ModelWiring
  readonly #defects: Defects
  /** Channels that were told to give up, and do not. */
  readonly #lying = new Set<number>()

  constructor(sg: RegisterFile, wiring: ModelWiring, defects: Defects) {
    this.#sg = sg
    this.#wiring = wiring
    this.#defects = defects
  }

  read(offset: number, width: Width): bigint {
    if (offset === GlobalRegister.clock && this.#defects.has('clock-stuck')) return 0n
    const value = this.#sg.read(offset, width)
    const channel = channelOf(offset)
    switch (channel === undefined ? undefined : offset - channelPage(channel)) {
      case ChannelRegister.status:
        return this.#status(channel ?? 0, value)
      case ChannelRegister.position:
        return this.#position(channel ?? 0, value)
      case ChannelRegister.received:
        return this.#defects.has('tap-empty') ? 0n : value
      default:
        return value
    }
  }

  write(offset: number, width: Width, value: bigint): void {
    const channel = channelOf(offset)
    if (channel === undefined) return this.#sg.write(offset, width, value)
    const register = offset - channelPage(channel)
    if (register === ChannelRegister.tail && this.#defects.has('channels-take-turns') && channel === 1)
      return this.#inTurn(offset, value)
    if (register === ChannelRegister.control) return this.#control(channel, Number(value))
    if (register === ChannelRegister.tail) this.#lying.delete(channel)
    this.#sg.write(offset, width, value)
  }

  #status(channel: number, value: bigint): bigint {
    const cyclic = (this.#of(channel, ChannelRegister.control) & Control.cyclic) !== 0
    if (!cyclic && this.#defects.has('list-busy-for-ever')) return value | BigInt(Status.busy)
    const idle = this.#lying.has(channel) || (!cyclic && this.#defects.has('list-idle-always'))
    return idle ? value & ~BigInt(Status.busy) : value
  }

  #position(channel: number, value: bigint): bigint {
    if (this.#defects.has('position-stuck')) return 0n
    if (this.#defects.has('position-unwrapped')) return BigInt(this.#of(channel, ChannelRegister.total))
    const total = this.#of(channel, ChannelRegister.total)
    return this.#defects.has('position-ahead') && total > 0 ? value + BigInt(AHEAD) : value
  }

  #control(channel: number, value: number): void {
    const at = channelPage(channel) + ChannelRegister.control
    const was = this.#of(channel, ChannelRegister.control)
    const cyclic = ((was | value) & Control.cyclic) !== 0
    const ends = (value & (Control.abort | Control.reset)) !== 0
    const stops = cyclic && (was & Control.run) !== 0 && (value & Control.run) === 0
    if (ends && !cyclic && this.#busy(channel)) {
      if (this.#defects.has('abort-lost')) return
      if (this.#defects.has('abort-lies')) return void this.#lying.add(channel)
    }
    if ((stops || ends) && cyclic && this.#defects.has('stream-runs-on')) return
    if (ends && cyclic && this.#defects.has('stream-keeps-position'))
      return this.#sg.write(at, 4, BigInt(was & ~Control.run))
    const early = cyclic && !ends && this.#defects.has('stream-runs-early')
    this.#sg.write(at, 4, BigInt(early ? value | Control.run : value))
    if (stops && this.#defects.has('stream-loses-position')) this.#sg.write(at, 4, BigInt(Control.reset))
    if (stops && this.#defects.has('notification-in-pause')) this.#wiring.line.raise(Cause.notify, channel)
  }

  /** Rings the second channel's bell once the first is idle. */
  #inTurn(offset: number, value: bigint): void {
    if (!this.#busy(0)) return this.#sg.write(offset, 4, value)
    this.#wiring.clock.setTimer(LOOK_MS, () => this.#inTurn(offset, value))
  }

  #busy(channel: number): boolean {
    return (this.#of(channel, ChannelRegister.status) & Status.busy) !== 0
  }

  #of(channel: number, register: number): number {
    return Number(this.#sg.read(channelPage(channel) + register, 4))
  }
}

function channelOf(offset: number): number | undefined {
  const channel = Math.floor(offset / channelPage(0)) - 1
  return channel >= 0 && channel < CHANNELS ? channel : undefined
}
