/** For those who add cases or back ends: the modelled devices, and what a case is made of. */
export { type LoopbackOptions, openLoopback } from './backend/loopback/device.ts'
export { type Case, defineSuite } from './suite/case.ts'
export { type Context } from './suite/context.ts'
export { type Need } from './suite/needs.ts'
export { loopbackFaults } from './backend/loopback/planted/defects.ts'
export { type Plant } from './session/plant.ts'
export { orderPattern } from './memory/patterns.ts'
