import { putBackAfterDeath as putBack } from '../../../src/host/linux/taking/after-death.ts'
import type { GuardianTask } from '../../../src/host/linux/taking/guardian.ts'
import { slowKernel } from './slow-kernel.ts'

/** The guardian's second half, on the fake machine. */
export const putBackAfterDeath = (task: GuardianTask): void => putBack(task, slowKernel(task.bus))
