import type { Width } from '../../../device/register-access.ts'
import { DmaCommand, DmaRegister } from '../model/dma-controller.ts'
import { Edu, EduRegister, EduStatus } from '../model/edu.ts'
import type { Model, ModelWiring } from '../model/model.ts'
import type { RegisterFile } from '../model/registers.ts'
import type { Defects } from './defects.ts'

/** An edu with what is planted into it. */
export function plantedEdu(wiring: ModelWiring, defects: Defects): Model {
  const edu = new Edu(defects.has('clamp-missing') ? { ...wiring, dmaMask: (1n << 64n) - 1n } : wiring)
  return {
    registers: new Map([[0, plantedRegisters(edu, defects)]]),
    reset: () => (defects.has('reset-clears-registers') ? edu.write(EduRegister.liveness, 4, 0n) : edu.reset()),
    [Symbol.dispose]: () => edu[Symbol.dispose](),
  }
}

/** Its registers with what is planted into them. */
function plantedRegisters(registers: RegisterFile, defects: Defects): RegisterFile {
  return {
    read(offset, width) {
      if (width < 4 && defects.has('register-narrow-answered')) {
        return BigInt.asUintN(8 * width, registers.read(offset & ~3, 4) >> BigInt(8 * (offset & 3)))
      }
      return distorted(registers.read(offset, width), offset, defects)
    },
    write(offset, width, value) {
      if (defects.has('register-write-lost') && width === 4 && offset < EduRegister.interruptRaise) return
      if (defects.has('interrupt-acknowledge-lost') && offset === EduRegister.interruptAcknowledge) return
      registers.write(offset, width, written(width, value, defects))
    },
  }
}

function distorted(value: bigint, offset: number, defects: Defects): bigint {
  switch (offset) {
    case EduRegister.identification:
      return defects.has('ident-wrong') ? value + 1n : value
    case EduRegister.liveness:
      return defects.has('liveness-stuck') ? 0n : value
    case EduRegister.factorial:
      return defects.has('factorial-wrong') ? value + 1n : value
    case EduRegister.status:
      return defects.has('factorial-never-ends') ? value | BigInt(EduStatus.computing) : value
    case EduRegister.interruptStatus:
      return defects.has('interrupt-status-lost') ? 0n : value
    case DmaRegister.command:
      if (defects.has('dma-never-completes')) return value | DmaCommand.start
      return defects.has('dma-done-early') ? value & ~DmaCommand.start : value
    default:
      return value
  }
}

function written(width: Width, value: bigint, defects: Defects): bigint {
  return width === 8 && defects.has('register-high-half-lost') ? value & 0xffff_ffffn : value
}
